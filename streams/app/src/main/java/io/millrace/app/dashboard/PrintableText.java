package io.millrace.app.dashboard;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Text from outside, made short and free of control characters before it is shown. */
final class PrintableText {
  private PrintableText() {}

  /**
   * @param text to show
   * @param maxLength in UTF-16 units, above 0
   * @return text with control, formatting and unpaired surrogate characters replaced; an ellipsis
   *     marks a cut
   */
  static String of(String text, int maxLength) {
    StringBuilder shown = new StringBuilder(Math.min(text.length(), maxLength));
    int at = 0;
    while (at < text.length() && shown.length() < maxLength) {
      int point = text.codePointAt(at);
      at += Character.charCount(point);
      shown.appendCodePoint(printable(point) ? point : '\uFFFD');
    }
    return at < text.length() ? shown.append('\u2026').toString() : shown.toString();
  }

  /** As above, for bytes that should be UTF-8. */
  static String of(ByteBuffer bytes, int maxLength) {
    ByteBuffer start = bytes.duplicate();
    start.limit(start.position() + Math.min(start.remaining(), 4 * maxLength));
    return of(StandardCharsets.UTF_8.decode(start).toString(), maxLength);
  }

  private static boolean printable(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE -> false;
      case Character.PRIVATE_USE, Character.UNASSIGNED -> false;
      case Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
      default -> true;
    };
  }
}
