package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * How much an update counts that was made on a model some versions old: 1 when fresh, falling.
 * {@link StrictMath}: the same bits everywhere. Stateless.
 */
public sealed interface Staleness {
  /** Weight, above 0 to 1, of an update {@code age} versions old, 0 or more. */
  double weight(long age);

  /** Age does not count. */
  record Constant() implements Staleness {
    @Override
    public double weight(long age) {
      return 1;
    }
  }

  /**
   * (age + 1)^-exponent.
   *
   * @param exponent published 0.5
   */
  record Polynomial(double exponent) implements Staleness {
    public Polynomial {
      SettingCheck.range("staleness exponent", exponent, 0, 100);
    }

    @Override
    public double weight(long age) {
      return StrictMath.pow(age + 1.0, -exponent);
    }
  }

  /**
   * 1 up to some age, then 1 / (slope (age - grace) + 1).
   *
   * @param slope published 10
   * @param grace published 4
   */
  record Hinge(double slope, long grace) implements Staleness {
    public Hinge {
      SettingCheck.range("staleness slope", slope, 0, 1e9);
      SettingCheck.range("staleness grace", grace, 0, Long.MAX_VALUE);
    }

    @Override
    public double weight(long age) {
      return age <= grace ? 1 : 1 / (slope * (age - grace) + 1);
    }
  }
}
