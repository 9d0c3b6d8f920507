package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.Dictionary;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Writes a page of every codec and what it restores to: {@code GoldenPages FOLDER} once, with
 * {@code src/test/resources/golden} as the folder. Files of a released version are never written
 * again. Tokens and models are made of whole numbers, so that nothing learned can change them.
 */
final class GoldenPages {
  static final PageShape SHAPE = new PageShape(32, 2, 32);
  static final String FOLDER = "kv-pages/v1";
  static final String RESTORED = "restored.txt";
  private static final String BASIS = "m/w/0/K/0";

  private GoldenPages() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]).resolve(FOLDER);
    Files.createDirectories(folder);
    List<String> restored = new ArrayList<>();
    for (String name : PageCodecs.names()) {
      PageCodec codec = codec(name);
      for (PageKind kind : PageKind.values()) {
        String file = file(name, kind);
        Files.write(folder.resolve(file), frame(codec, kind));
        float[] values = DumpTools.through(codec, SHAPE, kind, tokens());
        restored.add(file + " " + Integer.toHexString(checksum(values)));
      }
    }
    Files.write(folder.resolve(RESTORED), restored);
  }

  static String file(String name, PageKind kind) {
    return name + (kind == PageKind.KEYS ? ".keys" : ".values");
  }

  static PageCodec codec(String name) {
    float[] queries = new float[SHAPE.channels()];
    for (int i = 0; i < queries.length; i++) {
      queries[i] = 1 + i * 7 % 5;
    }
    return PageCodecs.named(name, new CodecContext(models(), BASIS, queries)).orElseThrow();
  }

  static byte[] frame(PageCodec codec, PageKind kind) {
    byte[] payload = codec.encode(SHAPE, kind, tokens());
    PageFrame frame = PageFrame.of(codec, SHAPE, kind, codec.codesBeforeRotary(), 64, payload);
    return kind == PageKind.KEYS
        ? frame.withLabels(LabelColumn.encode(SHAPE, tokens(), new float[0], 2)).encode()
        : frame.encode();
  }

  static int checksum(float[] values) {
    CRC32C crc = new CRC32C();
    for (float value : values) {
      int bits = Float.floatToRawIntBits(value + 0f);
      for (int shift = 0; shift < 32; shift += 8) {
        crc.update(bits >>> shift & 0xff);
      }
    }
    return (int) crc.getValue();
  }

  /** -1 to 1, every fifth channel four times as large. */
  private static float[] tokens() {
    float[] tokens = new float[SHAPE.values()];
    for (int i = 0; i < tokens.length; i++) {
      int hash = (i + 1) * 0x9E3779B1;
      hash = (hash ^ hash >>> 15) * 0x85EBCA77;
      tokens[i] = (hash >> 8) * 0x1p-23f * (i % 5 == 0 ? 4 : 1);
    }
    return tokens;
  }

  static Models models() {
    return new Models() {
      @Override
      public Optional<Model> latest(String id) {
        return switch (id) {
          case BASIS -> Optional.of(basis());
          case BASIS + "/dictionary" -> Optional.of(dictionary());
          case BASIS + "/budget" ->
              Optional.of(new HeadBudgetModel(id, 3, new float[] {4.5f, 3.5f}));
          default -> Optional.empty();
        };
      }

      @Override
      public Optional<Model> version(String id, long version) {
        return latest(id).filter(model -> model.version() == version);
      }
    };
  }

  /** Hadamard's matrix, deviations falling from 2 to 1/8. */
  private static TransformBasis basis() {
    int c = SHAPE.channels();
    float[] mean = new float[c];
    float[] channelDeviations = new float[c];
    float[] deviations = new float[c];
    float[] components = new float[c * c];
    for (int j = 0; j < c; j++) {
      mean[j] = (j % 3 - 1) / 16f;
      channelDeviations[j] = 1f;
      deviations[j] = 2f - j * 15 / 8f / c;
      for (int i = 0; i < c; i++) {
        components[j * c + i] = Integer.bitCount(i & j) % 2 == 0 ? 0.125f : -0.125f;
      }
    }
    TransformBasis.Vectors vectors =
        new TransformBasis.Vectors(
            SHAPE.heads(),
            SHAPE.headDimension(),
            new RotaryPosition(RotaryState.BEFORE, RotaryPairing.NEIGHBOURS, 1e4, 32, List.of()));
    return new TransformBasis(BASIS, 5, vectors, mean, channelDeviations, deviations, components);
  }

  /** Single channels, and pairs of Hadamard's halves: 96 atoms of 32. */
  private static DictionaryModel dictionary() {
    int d = SHAPE.headDimension();
    float[] atoms = new float[3 * d * d];
    for (int j = 0; j < d; j++) {
      atoms[j * d + j] = 1f;
      for (int i = 0; i < d / 2; i++) {
        float entry = Integer.bitCount(i & j) % 2 == 0 ? 0.25f : -0.25f;
        atoms[(d + j) * d + i + j / 16 * 16] = entry;
        atoms[(2 * d + j) * d + 2 * i + j / 16] = entry;
      }
    }
    return new DictionaryModel(BASIS + "/dictionary", 7, Dictionary.of(atoms, 3 * d, d), 1, d);
  }
}
