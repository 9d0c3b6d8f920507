package io.millrace.app.decoder;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.PageCodecs;
import io.millrace.operator.kvcache.PageFrame;
import io.millrace.schema.KeyValuePage;
import java.util.Optional;

/**
 * A page as floats.
 *
 * @param firstToken position of the first
 * @param tokens n
 * @param values [n x c]; keys are turned
 */
record RestoredPage(int firstToken, int tokens, float[] values) {

  /**
   * Restores a page from its frame alone.
   *
   * @throws IllegalArgumentException for a damaged frame, or a model that is not there
   */
  static RestoredPage of(KeyValuePage page, Models models, RotaryTurn rotary) {
    PageFrame frame = PageFrame.decode(page.getFrame());
    float[] values = new float[frame.shape().values()];
    Optional<Models.Model> model =
        page.getBasis().isEmpty()
            ? Optional.empty()
            : models.version(page.getBasis(), page.getBasisVersion());
    PageCodecs.reading(frame.codec(), frame.parameters(), model)
        .open(frame.shape(), frame.kind(), frame.payload())
        .restore(values);
    int channels = frame.shape().channels();
    for (int token = 0; token < frame.shape().tokens() && frame.beforeRotary(); token++) {
      rotary.turn(values, token * channels, channels, (int) frame.firstToken() + token);
    }
    return new RestoredPage((int) frame.firstToken(), frame.shape().tokens(), values);
  }
}
