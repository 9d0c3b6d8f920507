package io.millrace.operator.kvcache;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.TensorKind;
import java.util.Locale;

/**
 * Record keys of head groups, of their pages and summaries, and ids of their bases.
 *
 * <pre>
 * group    TENANT/MODEL/WEIGHTS/SESSION/LAYER/FIRSTHEAD
 * page     GROUP/K/FIRSTTOKEN, GROUP/V/FIRSTTOKEN       the token as 12 decimal digits
 * summary  GROUP/S/HEAD
 * basis    [TENANT/]MODEL/WEIGHTS/LAYER/K/FIRSTHEAD     or V; the tenant unless bases are shared
 * </pre>
 *
 * <p>Names are 1 to {@value #MAXIMUM_NAME} letters, digits, dots, dashes, underscores or colons of
 * ASCII, so that no key can be read as another's.
 */
public final class HeadGroupKey {
  /** Longest name of a tenant, model, fingerprint or session. */
  public static final int MAXIMUM_NAME = 128;

  /** Largest layer, head and head dimension, and most heads. */
  static final int MAXIMUM_NUMBER = 65_535;

  /** Positions have at most 12 digits. */
  static final long MAXIMUM_TOKEN = 999_999_999_999L;

  private static final int PARTS = 6;

  private HeadGroupKey() {}

  /**
   * The record key of a head group.
   *
   * @throws InvalidInputException BAD_KEY for a name of other characters or length, OUT_OF_RANGE
   *     for a layer or head, WRONG_DIMENSION for a shape
   */
  public static String of(HeadGroup group) {
    requireName("tenant", group.getTenant());
    requireName("model", group.getModel());
    requireName("weights", group.getWeights());
    requireName("session", group.getSession());
    requireNumber(Reason.OUT_OF_RANGE, "layer", group.getLayer(), 0);
    requireNumber(Reason.OUT_OF_RANGE, "first head", group.getFirstHead(), 0);
    requireNumber(Reason.WRONG_DIMENSION, "heads", group.getHeads(), 1);
    requireNumber(Reason.WRONG_DIMENSION, "head dimension", group.getHeadDimension(), 1);
    return group.getTenant()
        + '/'
        + group.getModel()
        + '/'
        + group.getWeights()
        + '/'
        + group.getSession()
        + '/'
        + group.getLayer()
        + '/'
        + group.getFirstHead();
  }

  /**
   * The head group of a record key.
   *
   * @throws IllegalArgumentException for a key that is none
   */
  static HeadGroup group(String key, int heads, int headDimension) {
    String[] parts = key.split("/", -1);
    if (parts.length != PARTS) {
      throw new IllegalArgumentException(
          "group key has " + parts.length + " parts, expected " + PARTS);
    }
    HeadGroup group =
        new HeadGroup(
            parts[0],
            parts[1],
            parts[2],
            parts[3],
            Integer.parseInt(parts[4]),
            Integer.parseInt(parts[5]),
            heads,
            headDimension);
    try {
      if (!of(group).equals(key)) {
        throw new IllegalArgumentException("group key " + key + " is not written as it reads");
      }
    } catch (InvalidInputException e) {
      throw new IllegalArgumentException("group key " + key + ": " + e.getMessage(), e);
    }
    return group;
  }

  /** The record key of a page. */
  public static String page(String group, TensorKind kind, long firstToken) {
    return String.format(Locale.ROOT, "%s/%s/%012d", group, letter(kind), firstToken);
  }

  /** The record key of a head's summary. */
  public static String summary(String group, int head) {
    return group + "/S/" + head;
  }

  /**
   * The id of the basis of a group's keys or values.
   *
   * @param shared whether tenants share bases
   */
  public static String basis(HeadGroup group, TensorKind kind, boolean shared) {
    return (shared ? "" : group.getTenant() + '/')
        + group.getModel()
        + '/'
        + group.getWeights()
        + '/'
        + group.getLayer()
        + '/'
        + letter(kind)
        + '/'
        + group.getFirstHead();
  }

  private static String letter(TensorKind kind) {
    return kind == TensorKind.KEYS ? "K" : "V";
  }

  private static void requireName(String field, String name) {
    if (name.isEmpty() || name.length() > MAXIMUM_NAME) {
      throw new InvalidInputException(
          Reason.BAD_KEY,
          field + " has " + name.length() + " characters, expected 1 to " + MAXIMUM_NAME);
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean letterOrDigit = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
      if (!letterOrDigit && c != '.' && c != '-' && c != '_' && c != ':') {
        throw new InvalidInputException(
            Reason.BAD_KEY,
            String.format(
                Locale.ROOT,
                "%s has character U+%04X at %d, expected letters, digits and .-_:",
                field,
                (int) c,
                i));
      }
    }
  }

  private static void requireNumber(Reason reason, String field, int value, int least) {
    if (value < least || value > MAXIMUM_NUMBER) {
      throw new InvalidInputException(
          reason, field + " is " + value + ", expected " + least + " to " + MAXIMUM_NUMBER);
    }
  }
}
