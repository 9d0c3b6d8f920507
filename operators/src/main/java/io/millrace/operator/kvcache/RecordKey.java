package io.millrace.operator.kvcache;

import io.millrace.schema.TensorKind;

/**
 * A record key of a page or summary, see {@link HeadGroupKey}.
 *
 * @param tenant whose
 * @param group key of the head group
 * @param kind of a page
 * @param firstToken of a page
 * @param head of a summary; -1: a page
 */
record RecordKey(String tenant, String group, TensorKind kind, long firstToken, int head) {
  private static final int LONGEST = 5 * HeadGroupKey.MAXIMUM_NAME;

  /**
   * @throws IllegalArgumentException for a key of another form
   */
  static RecordKey parse(String key) {
    String[] parts = key.length() > LONGEST ? new String[0] : key.split("/", -1);
    if (parts.length != 8) {
      throw new IllegalArgumentException(
          "record key is "
              + brief(key)
              + ", expected GROUP/K/TOKEN, GROUP/V/TOKEN or GROUP/S/HEAD");
    }
    String group = key.substring(0, key.length() - parts[6].length() - parts[7].length() - 2);
    return switch (parts[6]) {
      case "K" -> new RecordKey(parts[0], group, TensorKind.KEYS, number(key, parts[7], 12), -1);
      case "V" -> new RecordKey(parts[0], group, TensorKind.VALUES, number(key, parts[7], 12), -1);
      case "S" ->
          new RecordKey(parts[0], group, TensorKind.KEYS, 0, (int) number(key, parts[7], 5));
      default ->
          throw new IllegalArgumentException("record key is " + key + ", expected K, V or S in it");
    };
  }

  private static long number(String key, String digits, int longest) {
    if (digits.isEmpty()
        || digits.length() > longest
        || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new IllegalArgumentException("record key is " + key + ", expected it to end in digits");
    }
    return Long.parseLong(digits);
  }

  private static String brief(String key) {
    return key.length() > LONGEST ? key.substring(0, LONGEST) + "..." : key;
  }
}
