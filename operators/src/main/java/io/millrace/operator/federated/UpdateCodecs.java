package io.millrace.operator.federated;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The table of contents of update codecs, by name; parameters are in the name:
 *
 * <pre>
 * plain                     {@link PlainCodec}
 * top-k-SHARE               {@link TopKCodec} of this share of a chunk's numbers
 * random-k-SHARE            {@link RandomKCodec}, linear
 * qsgd-LEVELS               {@link QuantisedSgdCodec} in buckets of 512
 * sign                      {@link SignCodec} in buckets of 512
 * natural                   {@link NaturalCodec}
 * power-sgd-RANK            {@link LowRankCodec}
 * count-sketch-ROWSxCELLS   {@link CountSketch}, linear
 * srht-SHARE                {@link HadamardSketch} of this share, linear
 * mask-SHARE-ID             {@link FixedMask} of this share, drawn from the id, linear
 * </pre>
 *
 * A share is a decimal number above 0 to 1; at least one number of a chunk is kept. Stateless.
 */
public final class UpdateCodecs {
  private static final int BUCKET = 512;
  private static final Pattern NAME =
      Pattern.compile(
          "(plain|sign|natural)"
              + "|(top-k|random-k|srht)-([01](?:\\.[0-9]{1,9})?)"
              + "|(qsgd|power-sgd)-([0-9]{1,6})"
              + "|(count-sketch)-([0-9]{1,2})x([0-9]{1,7})"
              + "|(mask)-([01](?:\\.[0-9]{1,9})?)-([0-9]{1,18})");

  private UpdateCodecs() {}

  /** An example of each. */
  public static List<String> names() {
    return List.of(
        "plain",
        "top-k-0.01",
        "random-k-0.05",
        "qsgd-16",
        "sign",
        "natural",
        "power-sgd-2",
        "count-sketch-5x512",
        "srht-0.1",
        "mask-0.1-7");
  }

  /**
   * A codec by its name.
   *
   * @throws IllegalArgumentException for an unknown name or impossible parameters
   */
  public static UpdateCodec named(String name) {
    Optional<LinearCodec> linear = linear(name);
    if (linear.isPresent()) {
      return new LinearPayload(linear.get());
    }
    Matcher parts = parts(name);
    if (parts.group(1) != null) {
      return switch (parts.group(1)) {
        case "plain" -> new PlainCodec();
        case "sign" -> new SignCodec(BUCKET);
        default -> new NaturalCodec();
      };
    }
    if (parts.group(4) != null) {
      int parameter = Integer.parseInt(parts.group(5));
      return parts.group(4).equals("qsgd")
          ? new QuantisedSgdCodec(parameter, BUCKET)
          : new LowRankCodec(parameter);
    }
    return new ShareTopK(share(parts.group(3)));
  }

  /**
   * The linear codec behind a name; empty for others.
   *
   * @throws IllegalArgumentException as {@link #named}
   */
  static Optional<LinearCodec> linear(String name) {
    Matcher parts = parts(name);
    if (parts.group(6) != null) {
      return Optional.of(
          new CountSketch(Integer.parseInt(parts.group(7)), Integer.parseInt(parts.group(8))));
    }
    if (parts.group(9) != null) {
      return Optional.of(
          new ShareLinear.Mask(share(parts.group(10)), Long.parseLong(parts.group(11))));
    }
    if (parts.group(2) == null || parts.group(2).equals("top-k")) {
      return Optional.empty();
    }
    double share = share(parts.group(3));
    return Optional.of(
        parts.group(2).equals("srht")
            ? new ShareLinear.Hadamard(share)
            : new ShareLinear.RandomK(share));
  }

  private static Matcher parts(String name) {
    Matcher parts = NAME.matcher(name.length() > 64 ? "" : name);
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          "update codec is "
              + (name.length() > 64 ? name.length() + " characters" : name)
              + ", expected one like "
              + String.join(", ", names()));
    }
    return parts;
  }

  private static double share(String text) {
    double share = Double.parseDouble(text);
    if (!(share > 0 && share <= 1)) {
      throw new IllegalArgumentException("share of a codec is " + text + ", expected above 0 to 1");
    }
    return share;
  }

  /** Numbers of a chunk that a share keeps. */
  static int kept(double share, int length) {
    return Math.max(1, (int) Math.rint(share * length));
  }

  /** Top-k of a share of the chunk. */
  private record ShareTopK(double share) implements UpdateCodec {
    @Override
    public byte[] encode(float[] x, long seed) {
      return new TopKCodec(kept(share, x.length)).encode(x, seed);
    }

    @Override
    public float[] decode(byte[] payload, int length, long seed) {
      return new TopKCodec(kept(share, length)).decode(payload, length, seed);
    }
  }
}
