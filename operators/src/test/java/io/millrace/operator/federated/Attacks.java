package io.millrace.operator.federated;

import java.util.Random;

/** What the last clients of a round send when they are not honest. */
enum Attacks {
  /** All at one point far away: 573 in every coordinate, a distance of 8100 at 200 coordinates. */
  FAR {
    @Override
    void write(float[][] updates, int honest, double[] mean, double[] deviation, int client) {
      for (int i = 0; i < mean.length; i++) {
        updates[client][i] = (float) (mean[i] + 573);
      }
    }
  },
  /**
   * A little is enough (Baruch, Baruch, Goldberg, 2019): 1.5 deviations off in every coordinate.
   */
  ALIE {
    @Override
    void write(float[][] updates, int honest, double[] mean, double[] deviation, int client) {
      for (int i = 0; i < mean.length; i++) {
        updates[client][i] = (float) (mean[i] - 1.5 * deviation[i]);
      }
    }
  },
  /** Copies of the first honest client. */
  MIMIC {
    @Override
    void write(float[][] updates, int honest, double[] mean, double[] deviation, int client) {
      updates[client] = updates[0].clone();
    }
  },
  /** The honest mean turned round and ten times as long. */
  SIGN_FLIP {
    @Override
    void write(float[][] updates, int honest, double[] mean, double[] deviation, int client) {
      for (int i = 0; i < mean.length; i++) {
        updates[client][i] = (float) (-10 * mean[i]);
      }
    }
  },
  /** The honest mean turned round, just so much that the mean of all follows (Xie et al., 2019). */
  INNER_PRODUCT {
    @Override
    void write(float[][] updates, int honest, double[] mean, double[] deviation, int client) {
      for (int i = 0; i < mean.length; i++) {
        updates[client][i] = (float) (-1.5 * mean[i]);
      }
    }
  };

  abstract void write(float[][] updates, int honest, double[] mean, double[] deviation, int client);

  /** Overwrites the last {@code faulty} updates. */
  void apply(float[][] updates, int faulty) {
    int honest = updates.length - faulty;
    double[] mean = mean(updates, honest);
    double[] deviation = deviation(updates, honest, mean);
    for (int client = honest; client < updates.length; client++) {
      write(updates, honest, mean, deviation, client);
    }
  }

  /** Normal updates around one mean, which is itself normal. */
  static float[][] honest(int clients, int length, Random random) {
    float[] centre = new float[length];
    for (int i = 0; i < length; i++) {
      centre[i] = (float) random.nextGaussian();
    }
    float[][] updates = new float[clients][length];
    for (float[] update : updates) {
      for (int i = 0; i < length; i++) {
        update[i] = centre[i] + (float) random.nextGaussian();
      }
    }
    return updates;
  }

  static double[] mean(float[][] updates, int honest) {
    double[] mean = new double[updates[0].length];
    for (int client = 0; client < honest; client++) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += updates[client][i] / (double) honest;
      }
    }
    return mean;
  }

  static double[] deviation(float[][] updates, int honest, double[] mean) {
    double[] deviation = new double[mean.length];
    for (int i = 0; i < mean.length; i++) {
      for (int client = 0; client < honest; client++) {
        deviation[i] += (updates[client][i] - mean[i]) * (updates[client][i] - mean[i]) / honest;
      }
      deviation[i] = Math.sqrt(deviation[i]);
    }
    return deviation;
  }
}
