package io.millrace.client;

import io.millrace.operator.federated.PackedChunk;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateTask;
import java.util.List;
import java.util.Optional;

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

  /**
   * By update codecs: the task's, or those of a plan.
   *
   * @throws IllegalArgumentException for a task whose plan this is not
   */
  static ChunkPacking open(TaskOffer offer, Optional<CodecPlan> plan) {
    UpdateTask task = offer.getTask();
    List<String> planned =
        plan.filter(candidate -> candidate.getVersion() == offer.getPlan())
            .map(CodecPlan::getCodecs)
            .orElse(List.of());
    if (offer.getPlan() >= 0 && planned.size() != offer.getChunkCount()) {
      throw new IllegalArgumentException("codec plan " + offer.getPlan() + " is missing");
    }
    return new ChunkPacking() {
      @Override
      public String codec(int chunk) {
        return offer.getPlan() < 0 ? offer.getCodec() : planned.get(chunk);
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
        return masks.codec().name();
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
