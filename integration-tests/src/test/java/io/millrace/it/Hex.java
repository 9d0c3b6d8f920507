package io.millrace.it;

import java.util.HexFormat;

/** Bytes as text, so that a difference can be read. */
final class Hex {
  private static final HexFormat FORMAT = HexFormat.of();

  private Hex() {}

  static String of(byte[] bytes) {
    return FORMAT.formatHex(bytes);
  }
}
