package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.kvcache.CacheInput;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;

/** Reads the three record types of a KV cache's input, told apart by fingerprint. One thread. */
final class KeyValueInput implements InputCodec<CacheInput> {
  private final AvroInput<KeyValueBlock> blocks = new AvroInput<>(KeyValueBlock.class);
  private final AvroInput<SessionEnd> ends = new AvroInput<>(SessionEnd.class);
  private final AvroInput<QueryMoments> moments = new AvroInput<>(QueryMoments.class);

  @Override
  public CacheInput decode(byte[] value) {
    String name = name(value);
    return switch (name) {
      case "KeyValueBlock" -> new CacheInput.Block(blocks.decode(value));
      case "SessionEnd" -> new CacheInput.End(ends.decode(value));
      case "QueryMoments" -> new CacheInput.Moments(moments.decode(value));
      default ->
          throw new InvalidInputException(
              Reason.WRONG_SCHEMA,
              "record is a " + name + ", expected a KeyValueBlock, SessionEnd or QueryMoments");
    };
  }

  private static String name(byte[] value) {
    try {
      return SingleObject.recordName(value);
    } catch (UnreadableRecordException e) {
      throw AvroInput.refusal(e);
    }
  }
}
