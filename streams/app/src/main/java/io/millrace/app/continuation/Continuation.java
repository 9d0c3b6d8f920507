package io.millrace.app.continuation;

import io.millrace.app.decoder.ContinuedCache;
import io.millrace.app.decoder.Decoder;
import io.millrace.app.decoder.HeadErrors;
import io.millrace.app.decoder.KeyValueCache;
import io.millrace.app.decoder.TextLoss;
import io.millrace.operator.kvcache.HeadGroupPages;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A session that is at its end, continued three times with the same draws: from its own exact
 * cache; from pages, told what the first wrote, so that the two can be held against each other
 * token by token; and from pages alone. One thread.
 *
 * @param exactText what the exact cache wrote
 * @param pagesText what the pages wrote
 * @param exactNats loss of the first text with the exact cache, token by token
 * @param pagesNats loss of the same text with pages
 */
record Continuation(String exactText, String pagesText, double[] exactNats, double[] pagesNats) {
  /** Of all draws. */
  static final double TEMPERATURE = 0.5;

  /**
   * Continues.
   *
   * @param session at its end; its exact cache grows
   * @param pages of all its layers and tokens
   * @param length tokens to write, that fit the context
   * @param errors attention by head is compared here
   */
  static Continuation of(
      Decoder decoder,
      WritingSession session,
      PageFollower follower,
      List<HeadGroupPages> pages,
      int length,
      HeadErrors errors) {
    int inherited = session.tokens();
    int[] text = new int[length];
    double[] exactNats = new double[length];
    double[] pagesNats = new double[length];
    int next = session.text()[inherited];
    errors.compare(
        session.exact(), new ContinuedCache(decoder, follower.reader(), pages, inherited));
    KeyValueCache told = new ContinuedCache(decoder, follower.reader(), pages, inherited);
    KeyValueCache alone = new ContinuedCache(decoder, follower.reader(), pages, inherited);
    int nextAlone = next;
    int[] textAlone = new int[length];
    for (int i = 0; i < length; i++) {
      float[] logits = decoder.step(next, errors);
      text[i] = session.sampler().draw(logits, inherited + i + 1);
      exactNats[i] = TextLoss.nats(logits, text[i]);
      pagesNats[i] = TextLoss.nats(decoder.step(next, told), text[i]);
      textAlone[i] = session.sampler().draw(decoder.step(nextAlone, alone), inherited + i + 1);
      nextAlone = textAlone[i];
      next = text[i];
    }
    return new Continuation(string(text, 0), string(textAlone, 0), exactNats, pagesNats);
  }

  /** Tokens of a byte-level model as text. */
  static String string(int[] tokens, int from) {
    byte[] bytes = new byte[tokens.length - from];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) tokens[from + i];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Characters that both texts begin with. */
  int agreed() {
    int agreed = 0;
    while (agreed < exactText.length()
        && agreed < pagesText.length()
        && exactText.charAt(agreed) == pagesText.charAt(agreed)) {
      agreed++;
    }
    return agreed;
  }
}
