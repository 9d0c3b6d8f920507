package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class DictionaryTest {
  private static final float[] ATOMS = {0.6f, 0.8f, 0f, 0f, 0f, 0f, 0f, 0f, 1f};

  @Test
  void holdsAtomsColumnsAndGram() {
    Dictionary dictionary = Dictionary.of(ATOMS, 3, 3);
    assertArrayEquals(ATOMS, dictionary.atoms());
    assertArrayEquals(new float[] {0.6f, 0f, 0f, 0.8f, 0f, 0f, 0f, 0f, 1f}, dictionary.columns());
    float[] gram = dictionary.gram();
    assertEquals(1f, gram[0], 1e-6f);
    assertEquals(0f, gram[4]);
    assertEquals(1f, gram[8]);
    assertEquals(1f, dictionary.norm(0));
    assertEquals(0f, dictionary.norm(1));
  }

  @Test
  void gramIsSymmetricToTheBit() {
    float[] gram = new PlantedRecords(33, 70, 1, 0, 1).dictionary().gram();
    for (int i = 0; i < 70; i++) {
      for (int j = 0; j < i; j++) {
        assertEquals(gram[i * 70 + j], gram[j * 70 + i]);
      }
    }
  }

  @Test
  void copiesTheAtoms() {
    float[] atoms = ATOMS.clone();
    Dictionary dictionary = Dictionary.of(atoms, 3, 3);
    atoms[0] = 7f;
    assertEquals(0.6f, dictionary.atoms()[0]);
  }

  @Test
  void normalizesWhatIsNotDead() {
    float[] atoms = {3f, 4f, 0f, 1e-20f, 0f, 0f, 0f, -2f, 0f};
    float[] expected = {0.6f, 0.8f, 0f, 0f, 0f, 0f, 0f, -1f, 0f};
    assertArrayEquals(expected, Dictionary.normalized(atoms, 3, 3).atoms());
  }

  @Test
  void refusesOtherShapesAndNorms() {
    assertThrows(IllegalArgumentException.class, () -> Dictionary.of(ATOMS, 2, 3));
    assertThrows(IllegalArgumentException.class, () -> Dictionary.of(new float[0], 0, 3));
    assertThrows(IllegalArgumentException.class, () -> Dictionary.of(new float[] {0.5f}, 1, 1));
    assertThrows(
        IllegalArgumentException.class, () -> Dictionary.of(new float[] {Float.NaN}, 1, 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> Dictionary.normalized(new float[] {Float.POSITIVE_INFINITY}, 1, 1));
  }
}
