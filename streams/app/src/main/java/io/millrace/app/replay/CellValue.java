package io.millrace.app.replay;

import java.util.Locale;
import java.util.Set;

/** What a cell of a value column may hold: a finite number, or a word for "missing". */
final class CellValue {
  private static final Set<String> MISSING = Set.of("", "nan", "na", "n/a", "null", "none");

  private CellValue() {}

  static boolean isMissing(String cell) {
    return cell.isEmpty() || cell.length() <= 4 && MISSING.contains(cell.toLowerCase(Locale.ROOT));
  }

  static boolean isNumber(String cell, boolean decimalComma) {
    try {
      parse(cell, decimalComma);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /**
   * The number of a cell.
   *
   * @throws IllegalArgumentException if it is none, or no finite float
   */
  static float parse(String cell, boolean decimalComma) {
    String text = decimalComma ? cell.replace(',', '.') : cell;
    for (int i = 0; i < text.length(); i++) {
      // Java's own parser also takes 1f, 0x1p3 and Infinity.
      if ("0123456789.+-eE".indexOf(text.charAt(i)) < 0) {
        throw new IllegalArgumentException("is \"" + cell + "\", expected a number");
      }
    }
    float value;
    try {
      value = Float.parseFloat(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("is \"" + cell + "\", expected a number", e);
    }
    if (!Float.isFinite(value)) {
      throw new IllegalArgumentException("is \"" + cell + "\", expected a finite float");
    }
    return value;
  }
}
