package io.millrace.operator.federated;

import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
import java.util.ArrayList;
import java.util.List;

/** The updates of a freeze over one chunk, all of them there. One thread. */
final class ChunkRound {
  private final RoundFreeze freeze;
  private final int chunk;
  private final int length;
  private final List<PendingUpdate> updates;

  ChunkRound(ChunkState state, RoundFreeze freeze) {
    this.chunk = FederatedKeys.chunkOf(state.key);
    this.freeze = freeze;
    this.length = state.length();
    this.updates = new ArrayList<>(freeze.getContributions().size());
    for (Contribution contribution : freeze.getContributions()) {
      updates.add(state.pending.get(contribution.getSequence()));
    }
  }

  RoundFreeze freeze() {
    return freeze;
  }

  /** Which. */
  int chunk() {
    return chunk;
  }

  int length() {
    return length;
  }

  int size() {
    return updates.size();
  }

  PendingUpdate update(int i) {
    return updates.get(i);
  }

  Contribution contribution(int i) {
    return freeze.getContributions().get(i);
  }

  /** Update i, times its factor. */
  float[] values(int i) {
    return scaled(updates.get(i).values(length), contribution(i).getFactor());
  }

  /** What came beside update i for {@link ServerKronecker}, times its factor. */
  float[] vectors(int i, int numbers) {
    float[] vectors = new PlainCodec().decode(updates.get(i).second(), numbers, 0);
    return scaled(vectors, contribution(i).getFactor());
  }

  /** All updates, one row each. */
  float[][] rows() {
    float[][] rows = new float[size()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = values(i);
    }
    return rows;
  }

  /** Each value times the factor, rounded to float once. Modifies {@code x}. */
  static float[] scaled(float[] x, double factor) {
    if (factor != 1) {
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) (x[i] * factor);
      }
    }
    return x;
  }
}
