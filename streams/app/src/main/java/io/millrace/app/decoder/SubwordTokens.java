package io.millrace.app.decoder;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Subword tokens by merging pairs (byte pair encoding with scores, as SentencePiece trains it;
 * Kudo, Richardson, 2018, arXiv 1808.06226), in the file format of llama2.c, little-endian: int32
 * longest token; then for each token float32 score, int32 length, UTF-8 bytes.
 *
 * <p>Tokens 1 and 2 begin and end a text; 3 to 258 are single bytes. Immutable.
 */
public final class SubwordTokens {
  /** Begins a text. */
  public static final int BEGIN = 1;

  private static final int FIRST_BYTE = 3;

  private final List<String> pieces = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();
  private final Map<String, Integer> numbers = new HashMap<>();

  /**
   * Reads a vocabulary.
   *
   * @param bytes of the file
   * @throws IllegalArgumentException if it is damaged
   */
  public SubwordTokens(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int longest = in.getInt();
    while (in.remaining() >= 8) {
      scores.add(in.getFloat());
      int length = in.getInt();
      if (length < 0 || length > longest || length > in.remaining()) {
        throw new IllegalArgumentException(
            "token " + pieces.size() + " has " + length + " bytes, expected 0 to " + longest);
      }
      byte[] piece = new byte[length];
      in.get(piece);
      numbers.putIfAbsent(new String(piece, StandardCharsets.UTF_8), pieces.size());
      pieces.add(new String(piece, StandardCharsets.UTF_8));
    }
  }

  /** The tokens of a text, {@link #BEGIN} first. */
  public int[] encode(String text) {
    List<Integer> tokens = new ArrayList<>();
    // SentencePiece sets a space before a text
    (" " + text)
        .codePoints()
        .mapToObj(Character::toString)
        .forEach(
            character -> {
              Integer number = numbers.get(character);
              if (number != null) {
                tokens.add(number);
                return;
              }
              for (byte b : character.getBytes(StandardCharsets.UTF_8)) {
                tokens.add((b & 0xff) + FIRST_BYTE);
              }
            });
    while (mergeBest(tokens)) {
      // until no pair makes a token
    }
    tokens.add(0, BEGIN);
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Merges the first of the pairs with the best score; false where no pair makes a token. */
  private boolean mergeBest(List<Integer> tokens) {
    int best = -1;
    int merged = 0;
    for (int i = 0; i + 1 < tokens.size(); i++) {
      Integer number = numbers.get(pieces.get(tokens.get(i)) + pieces.get(tokens.get(i + 1)));
      if (number != null && (best < 0 || scores.get(number) > scores.get(merged))) {
        best = i;
        merged = number;
      }
    }
    if (best < 0) {
      return false;
    }
    tokens.set(best, merged);
    tokens.remove(best + 1);
    return true;
  }
}
