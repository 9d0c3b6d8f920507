package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AggregationsTest {
  private static final int CLIENTS = 11;
  private static final int FAULTY = 3;
  private static final int LENGTH = 150;

  @Test
  void everyRuleReturnsWhatAllClientsAgreeOn() {
    float[] agreed = Attacks.honest(1, LENGTH, new Random(3))[0];
    float[][] updates = new float[CLIENTS][];
    Arrays.fill(updates, agreed);
    for (String name : Aggregations.names()) {
      double[] out = new double[LENGTH];
      Aggregations.named(name, CLIENTS, FAULTY).combine(updates, out);
      for (int i = 0; i < LENGTH; i++) {
        assertEquals(agreed[i], out[i], 1e-6, name + " at " + i);
      }
    }
  }

  @Test
  void onlyTheMeanFollowsFarUpdates() {
    float[][] updates = Attacks.honest(CLIENTS, LENGTH, new Random(4));
    float[][] attacked = Arrays.copyOf(updates, CLIENTS);
    for (int client = 0; client < FAULTY; client++) {
      attacked[client] = new float[LENGTH];
      Arrays.fill(attacked[client], 1000f);
    }
    for (String name : Aggregations.names()) {
      double[] out = new double[LENGTH];
      Aggregations.named(name, CLIENTS, FAULTY).combine(attacked, out);
      double largest = Arrays.stream(out).map(Math::abs).max().orElseThrow();
      assertEquals(name.equals("mean"), largest > 100, name + " gives " + largest);
    }
  }

  @Test
  void unknownRuleIsRefusedByName() {
    assertThrows(IllegalArgumentException.class, () -> Aggregations.named("mode", 3, 1));
  }
}
