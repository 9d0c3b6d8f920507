package io.millrace.app.dashboard;

import java.util.List;

/**
 * What decoders make of a KV cache pipeline's pages, for the page that shows the pipeline.
 *
 * @param writing sessions being written
 * @param continued sessions continued from pages
 * @param tokens tokens compared
 * @param exactNats mean loss a token with exact keys and values
 * @param addedNats mean loss a token with pages less that
 * @param addedNatsBySession running mean after each session, the newest last
 * @param headErrors relative error of attention outputs, [layers][query heads]
 * @param texts newest first
 */
public record ContinuationView(
    List<WritingView> writing,
    long continued,
    long tokens,
    double exactNats,
    double addedNats,
    double[] addedNatsBySession,
    float[][] headErrors,
    List<TextView> texts) {

  /**
   * A session in the making.
   *
   * @param session its name
   * @param tokens written
   * @param text so far
   */
  public record WritingView(String session, int tokens, String text) {}

  /**
   * A session continued.
   *
   * @param session its name
   * @param before the end of what it had written
   * @param exact what its own cache wrote next
   * @param pages what the pages wrote next
   * @param agreed characters that the two begin with
   * @param addedNats mean over its tokens
   */
  public record TextView(
      String session, String before, String exact, String pages, int agreed, double addedNats) {}
}
