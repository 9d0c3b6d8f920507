package io.millrace.operator.federated;

/** Linear codecs that keep a share of a chunk, whatever its length. */
sealed interface ShareLinear extends LinearCodec {

  /** The codec for chunks of one length. */
  LinearCodec of(int length);

  @Override
  default int packedLength(int length) {
    return of(length).packedLength(length);
  }

  @Override
  default float[] pack(float[] x, long seed) {
    return of(x.length).pack(x, seed);
  }

  @Override
  default void unpack(double[] packed, long seed, double[] out) {
    of(out.length).unpack(packed, seed, out);
  }

  /** {@link RandomKCodec}. */
  record RandomK(double share) implements ShareLinear {
    @Override
    public LinearCodec of(int length) {
      return new RandomKCodec(UpdateCodecs.kept(share, length));
    }
  }

  /** {@link HadamardSketch}. */
  record Hadamard(double share) implements ShareLinear {
    @Override
    public LinearCodec of(int length) {
      return new HadamardSketch(UpdateCodecs.kept(share, length));
    }
  }

  /**
   * {@link FixedMask} of one number out of each of as many runs of neighbours as the share keeps,
   * the same in every round.
   *
   * @param id that they are drawn from
   */
  record Mask(double share, long id) implements ShareLinear {
    @Override
    public LinearCodec of(int length) {
      return mask(length);
    }

    FixedMask mask(int length) {
      int kept = Math.min(length, UpdateCodecs.kept(share, length));
      int[] coordinates = new int[kept];
      for (int run = 0; run < kept; run++) {
        int first = (int) ((long) run * length / kept);
        int size = (int) ((run + 1L) * length / kept) - first;
        coordinates[run] = first + SeededBits.below(id, run, size);
      }
      return new FixedMask(length, coordinates);
    }
  }
}
