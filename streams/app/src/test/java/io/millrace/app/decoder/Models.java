package io.millrace.app.decoder;

import java.util.Arrays;
import java.util.stream.IntStream;

/** The two models and text for them. */
final class Models {
  private Models() {}

  static Decoder stories() {
    return new Decoder(
        DecoderWeights.of(
            SharedFolder.bytes("stories260k/stories260K.bin"), DecoderWeights.Format.FLOAT32));
  }

  static SubwordTokens storyTokens() {
    return new SubwordTokens(SharedFolder.bytes("stories260k/tok512.bin"));
  }

  /** Pieces of 512 tokens, of stories from {@code first} on, each story begun by its mark. */
  static int[][] storyPieces(int first, int stories) {
    SubwordTokens tokens = storyTokens();
    String[] texts = SharedFolder.stories();
    int[] all =
        IntStream.range(first, first + stories)
            .mapToObj(i -> tokens.encode(texts[i]))
            .flatMapToInt(Arrays::stream)
            .toArray();
    return TextLoss.pieces(all, 512);
  }

  /** The shipped byte-level model. */
  static Decoder bible() {
    return new Decoder(DecoderWeights.shipped());
  }

  /** Pieces of 512 bytes of the text that the shipped model never saw. */
  static int[][] biblePieces() {
    return TextLoss.pieces(DecoderWeights.heldOutTokens(), 512);
  }
}
