package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SparseCodesTest {

  @Test
  void growsAndKeepsEveryRecord() {
    SparseCodes codes = new SparseCodes();
    int[] atoms = new int[20];
    float[] values = new float[20];
    for (int r = 0; r < 1000; r++) {
      for (int i = 0; i < r % 20; i++) {
        atoms[i] = 100 * r + i;
        values[i] = -atoms[i];
      }
      codes.append(atoms, values, r % 20, r, 0.5f * r);
    }
    assertEquals(1000, codes.count());
    for (int r = 0; r < 1000; r++) {
      assertEquals(r % 20, codes.start(r + 1) - codes.start(r));
      for (int i = 0; i < r % 20; i++) {
        assertEquals(100 * r + i, codes.atoms()[codes.start(r) + i]);
        assertEquals(-(100f * r + i), codes.values()[codes.start(r) + i]);
      }
      assertEquals(r, codes.energy(r));
      assertEquals(0.5f * r, codes.residualEnergy(r));
    }
    assertEquals(codes.start(1000), codes.entryCount());
  }

  @Test
  void startsAgainWhenCleared() {
    SparseCodes codes = new SparseCodes();
    codes.append(new int[] {3}, new float[] {1f}, 1, 1f, 0f);
    codes.clear();
    assertEquals(0, codes.count());
    assertEquals(0, codes.entryCount());
    codes.append(new int[] {4}, new float[] {2f}, 1, 4f, 0f);
    assertEquals(4, codes.atoms()[0]);
    assertEquals(1, codes.entryCount());
  }
}
