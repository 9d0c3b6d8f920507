package io.millrace.operator.kvcache;

import io.millrace.operator.Operator;
import io.millrace.operator.OperatorContract;
import io.millrace.operator.StateCodec;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The laws, for the sliding KV window. */
abstract class KeyValueContract extends OperatorContract<CacheInput, KeyValueState, CacheOutput> {
  private static final int INPUTS = 300;

  abstract KeyValueSettings settings();

  HeadGroup group() {
    return CacheRecords.group("tenant-1", "session-9", 2, 16);
  }

  TensorLayout keys() {
    return CacheRecords.layout(
        ElementFormat.FLOAT16, CacheRecords.rotary(RotaryState.AFTER, group().getHeadDimension()));
  }

  TensorLayout values() {
    return CacheRecords.layout(ElementFormat.FLOAT16, CacheRecords.none());
  }

  @Override
  protected Operator<CacheInput, KeyValueState, CacheOutput> operator() {
    return new KeyValueWindow(settings());
  }

  @Override
  protected StateCodec<KeyValueState> codec() {
    return new KeyValueStateCodec();
  }

  @Override
  protected String key() {
    return HeadGroupKey.of(group());
  }

  /** Blocks of any size, some again and some overlapping; keys run ahead of values. */
  @Override
  protected List<CacheInput> inputs(long seed) {
    Random random = new Random(seed);
    List<CacheInput> inputs = new ArrayList<>();
    Map<TensorKind, Long> next = new EnumMap<>(TensorKind.class);
    long micros = 1_000_000;
    for (int i = 0; i < INPUTS; i++) {
      micros += 1000L * (random.nextInt(60) - 5);
      if (i % 40 == 20) {
        inputs.add(
            new CacheInput.Moments(CacheRecords.moments(group(), random.nextFloat(), micros)));
        continue;
      }
      TensorKind kind = random.nextInt(5) < 3 ? TensorKind.KEYS : TensorKind.VALUES;
      long from = next.getOrDefault(kind, 0L);
      int overlap = (int) Math.min(from, random.nextInt(4) == 0 ? random.nextInt(6) : 0);
      int tokens = overlap + random.nextInt(random.nextInt(20) == 0 ? 40 : 4) + 1;
      TensorLayout layout = kind == TensorKind.KEYS ? keys() : values();
      inputs.add(
          new CacheInput.Block(
              CacheRecords.block(group(), kind, layout, from - overlap, tokens, micros)));
      next.put(kind, from - overlap + tokens);
    }
    return inputs;
  }

  @Override
  protected List<CacheInput> refused(CacheInput newest) {
    long micros = operator().eventTimeMillis(newest) * 1000;
    List<CacheInput> refused = new ArrayList<>();
    HeadGroup other = CacheRecords.group("tenant-2", "session-9", 2, 16);
    refused.add(new CacheInput.End(CacheRecords.end(other, micros)));
    refused.add(new CacheInput.End(CacheRecords.end(group(), -1)));
    refused.add(new CacheInput.Moments(CacheRecords.moments(other, 1, micros)));
    refused.add(new CacheInput.Moments(CacheRecords.moments(group(), Float.NaN, micros)));
    for (TensorKind kind : TensorKind.values()) {
      KeyValueBlock gap = block(kind, micros);
      gap.setFirstToken(100_000L);
      refused.add(new CacheInput.Block(gap));
      KeyValueBlock negative = block(kind, -1);
      refused.add(new CacheInput.Block(negative));
      KeyValueBlock wider = block(kind, micros);
      wider.getGroup().setHeads(3);
      refused.add(new CacheInput.Block(wider));
      KeyValueBlock shorter = block(kind, micros);
      shorter.setTokens(3);
      refused.add(new CacheInput.Block(shorter));
      KeyValueBlock wild = block(kind, micros);
      ByteBuffer elements = wild.getElements().order(ByteOrder.LITTLE_ENDIAN);
      elements.put(elements.limit() - 1, (byte) 0x7f).put(elements.limit() - 2, (byte) 0xff);
      refused.add(new CacheInput.Block(wild));
    }
    return refused;
  }

  private KeyValueBlock block(TensorKind kind, long micros) {
    return CacheRecords.block(
        group(), kind, kind == TensorKind.KEYS ? keys() : values(), 0, 2, micros);
  }

  @Override
  protected byte[] inputBytes(CacheInput input) {
    return CacheRecords.bytes(input);
  }

  @Override
  protected byte[] outputBytes(CacheOutput output) {
    return CacheRecords.bytes(output);
  }

  @Override
  protected void overwrite(CacheInput input) {
    HeadGroup other = CacheRecords.group("x", "y", 2, 2);
    TensorLayout layout =
        CacheRecords.layout(ElementFormat.FLOAT32, CacheRecords.rotary(RotaryState.BEFORE, 2));
    if (input instanceof CacheInput.Block block) {
      KeyValueBlock replacement = CacheRecords.block(other, TensorKind.KEYS, layout, 5, 2, 17);
      // in place, as a reader that reuses its buffer does
      ByteBuffer elements = block.block().getElements();
      Collections.nCopies(elements.remaining(), (byte) -1).forEach(elements.duplicate()::put);
      CacheRecords.BLOCKS.decode(CacheRecords.BLOCKS.encode(replacement), block.block());
    } else if (input instanceof CacheInput.Moments moments) {
      QueryMoments replacement = CacheRecords.moments(other, 77, 17);
      CacheRecords.MOMENTS.decode(CacheRecords.MOMENTS.encode(replacement), moments.moments());
    } else if (input instanceof CacheInput.End end) {
      CacheRecords.ENDS.decode(CacheRecords.ENDS.encode(CacheRecords.end(other, 17)), end.end());
    }
  }

  @Override
  protected String goldenFamily() {
    return "kv-window";
  }
}
