package io.millrace.operator.dictionary;

/** Refuses settings outside their range: setting, got, expected. */
final class SettingCheck {
  private SettingCheck() {}

  static void range(String setting, long value, long low, long high) {
    if (value < low || value > high) {
      throw new IllegalArgumentException(
          setting + " is " + value + ", expected " + low + " to " + high);
    }
  }

  static void range(String setting, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      throw new IllegalArgumentException(
          setting + " is " + value + ", expected " + low + " to " + high);
    }
  }
}
