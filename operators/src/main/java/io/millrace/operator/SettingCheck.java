package io.millrace.operator;

/** Refuses settings outside their range: setting, got, expected. */
public final class SettingCheck {
  private SettingCheck() {}

  /**
   * @throws IllegalArgumentException for a value below {@code low} or above {@code high}
   */
  public static void range(String setting, long value, long low, long high) {
    if (value < low || value > high) {
      throw new IllegalArgumentException(
          setting + " is " + value + ", expected " + low + " to " + high);
    }
  }

  /**
   * @throws IllegalArgumentException for a value below {@code low} or above {@code high}, or NaN
   */
  public static void range(String setting, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      throw new IllegalArgumentException(
          setting + " is " + value + ", expected " + low + " to " + high);
    }
  }
}
