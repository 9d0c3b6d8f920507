package io.millrace.client;

import io.millrace.operator.federated.MaskingClient;
import io.millrace.operator.federated.PackedChunk;
import io.millrace.schema.UpdateTask;
import java.util.function.IntFunction;

/** How the chunks of an update travel. */
interface ChunkPacking {
  /** Name of a chunk's codec. */
  String codec(int chunk);

  /**
   * Packs a chunk.
   *
   * @param values not modified
   * @param examples that the update counts with, up to the aggregator's bound
   * @throws IllegalArgumentException for values that cannot travel
   */
  PackedChunk pack(int chunk, float[] values, int examples);

  /** Whether nobody may learn anything of the update but its part of the sum. */
  boolean hides();

  /** By update codecs. */
  static ChunkPacking open(UpdateTask task, IntFunction<String> codecs) {
    return new ChunkPacking() {
      @Override
      public String codec(int chunk) {
        return codecs.apply(chunk);
      }

      @Override
      public PackedChunk pack(int chunk, float[] values, int examples) {
        return PackedChunk.update(task, chunk, codec(chunk), values);
      }

      @Override
      public boolean hides() {
        return false;
      }
    };
  }

  /** Under masks that are agreed. */
  static ChunkPacking masked(MaskedTask masks) {
    return new ChunkPacking() {
      @Override
      public String codec(int chunk) {
        return MaskingClient.CODEC;
      }

      @Override
      public PackedChunk pack(int chunk, float[] values, int examples) {
        return masks.pack(chunk, values, examples);
      }

      @Override
      public boolean hides() {
        return true;
      }
    };
  }
}
