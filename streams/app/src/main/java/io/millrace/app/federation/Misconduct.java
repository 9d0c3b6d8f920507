package io.millrace.app.federation;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a client sends in place of its update when it is not honest. */
public enum Misconduct {
  /**
   * The update it should send, turned round and ten times as long, but no longer than {@value
   * #LONGEST_FLIP}: one that is too long for the aggregator's gate does no harm.
   */
  SIGN_FLIP {
    @Override
    void write(float[] own, float[][] known, float[] out) {
      double square = 0;
      for (float value : own) {
        square += (double) value * value;
      }
      double factor = Math.min(10, LONGEST_FLIP / Math.sqrt(Math.max(square, Float.MIN_VALUE)));
      for (int i = 0; i < out.length; i++) {
        out[i] = (float) (-factor * own[i]);
      }
    }
  },
  /** The same large number in every coordinate. */
  FAR {
    @Override
    void write(float[] own, float[][] known, float[] out) {
      Arrays.fill(out, 10);
    }
  },
  /**
   * A little is enough (Baruch, Baruch, Goldberg, 2019, arXiv 1902.06156): 1.5 deviations from the
   * mean in every coordinate, too little to stand out.
   */
  ALIE {
    @Override
    void write(float[] own, float[][] known, float[] out) {
      for (int i = 0; i < out.length; i++) {
        double mean = 0;
        for (float[] update : known) {
          mean += update[i];
        }
        mean /= known.length;
        double square = 0;
        for (float[] update : known) {
          square += (update[i] - mean) * (update[i] - mean);
        }
        out[i] = (float) (mean - 1.5 * Math.sqrt(square / known.length));
      }
    }
  },
  /** Another client's update, so that it counts twice (Karimireddy et al., 2020, 2006.09365). */
  MIMIC {
    @Override
    void write(float[] own, float[][] known, float[] out) {
      System.arraycopy(known[0], 0, out, 0, out.length);
    }
  },
  /** The update with one coordinate that is no number. */
  NAN {
    @Override
    void write(float[] own, float[][] known, float[] out) {
      System.arraycopy(own, 0, out, 0, out.length);
      out[out.length / 2] = Float.NaN;
    }
  },
  /** The update with one coordinate of 1e30. */
  HUGE {
    @Override
    void write(float[] own, float[][] known, float[] out) {
      System.arraycopy(own, 0, out, 0, out.length);
      out[out.length / 2] = 1e30f;
    }
  };

  private static final double LONGEST_FLIP = 100;

  abstract void write(float[] own, float[][] known, float[] out);

  /**
   * What is sent.
   *
   * @param own the honest update, not modified
   * @param known honest updates that the client knows of; none: its own alone
   */
  public float[] instead(float[] own, List<float[]> known) {
    float[] out = new float[own.length];
    write(own, known.isEmpty() ? new float[][] {own} : known.toArray(float[][]::new), out);
    return out;
  }

  /** Name on command lines, for example sign-flip. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * By its {@link #label}.
   *
   * @throws IllegalArgumentException for another name
   */
  public static Misconduct of(String label) {
    return Arrays.stream(values())
        .filter(conduct -> conduct.label().equals(label))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "misconduct: got "
                        + label
                        + ", expected one of "
                        + Arrays.stream(values())
                            .map(Misconduct::label)
                            .collect(Collectors.joining(", "))));
  }
}
