package io.millrace.app.decoder;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Optional;

/** The two models and text for them. */
final class Models {
  private Models() {}

  /** The model that is not shipped; skips the test where its files are absent. */
  static StoryModel stories() {
    Path folder = SharedFolder.folder();
    Optional<StoryModel> model = StoryModel.in(folder);
    assumeTrue(
        model.isPresent(),
        "stories260K and its text are not at "
            + folder.toAbsolutePath()
            + " (-Dmillrace.shared=FOLDER)");
    return model.get();
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
