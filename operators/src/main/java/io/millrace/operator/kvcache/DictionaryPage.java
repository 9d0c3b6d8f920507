package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import io.millrace.operator.dictionary.Dictionary;
import java.util.Arrays;

/**
 * Sparse codes of a page's vectors. Of each head the distinct atoms are known, so that scores take
 * one inner product for each of them, and sums one axpy, however many tokens name it.
 */
final class DictionaryPage implements Page {
  private final PageShape shape;
  private final Dictionary dictionary;

  /** [n h + 1]: where the entries of vector t h + head begin. */
  private final int[] starts;

  private final float[] coefficients;

  /** Of each head its atoms, rising. */
  private final int[][] used;

  /** Of each entry the place of its atom in those of its head. */
  private final int[] places;

  /** One number for each atom of a head. */
  private final float[] perAtom;

  /**
   * Keeps its arrays; atoms are valid numbers.
   *
   * @param atoms of each entry; overwritten
   */
  DictionaryPage(
      PageShape shape, Dictionary dictionary, int[] starts, int[] atoms, float[] coefficients) {
    this.shape = shape;
    this.dictionary = dictionary;
    this.starts = starts;
    this.coefficients = coefficients;
    this.used = new int[shape.heads()][];
    this.places = atoms;
    int[] placeOf = new int[dictionary.atomCount()];
    int most = 0;
    for (int head = 0; head < shape.heads(); head++) {
      used[head] = place(head, placeOf);
      most = Math.max(most, used[head].length);
    }
    this.perAtom = new float[most];
  }

  /** Replaces atoms by places and returns the head's atoms. */
  private int[] place(int head, int[] placeOf) {
    Arrays.fill(placeOf, 0);
    int distinct = 0;
    for (int v = head; v < starts.length - 1; v += shape.heads()) {
      for (int e = starts[v]; e < starts[v + 1]; e++) {
        distinct += placeOf[places[e]] == 0 ? 1 : 0;
        placeOf[places[e]] = 1;
      }
    }
    int[] atoms = new int[distinct];
    int next = 0;
    for (int atom = 0; atom < placeOf.length; atom++) {
      if (placeOf[atom] == 1) {
        atoms[next] = atom;
        placeOf[atom] = next++;
      }
    }
    for (int v = head; v < starts.length - 1; v += shape.heads()) {
      for (int e = starts[v]; e < starts[v + 1]; e++) {
        places[e] = placeOf[places[e]];
      }
    }
    return atoms;
  }

  @Override
  public PageShape shape() {
    return shape;
  }

  @Override
  public void restore(float[] values) {
    int d = shape.headDimension();
    Arrays.fill(values, 0, shape.values(), 0f);
    for (int v = 0; v < starts.length - 1; v++) {
      int[] atoms = used[v % shape.heads()];
      for (int e = starts[v]; e < starts[v + 1]; e++) {
        Kernels.axpy(coefficients[e], dictionary.atoms(), atoms[places[e]] * d, values, v * d, d);
      }
    }
  }

  @Override
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int d = shape.headDimension();
    int[] atoms = used[head];
    for (int i = 0; i < atoms.length; i++) {
      perAtom[i] = Kernels.dot(query, queryFrom, dictionary.atoms(), atoms[i] * d, d);
    }
    for (int token = 0; token < shape.tokens(); token++) {
      int v = token * shape.heads() + head;
      float sum = 0f;
      for (int e = starts[v]; e < starts[v + 1]; e++) {
        sum = Math.fma(perAtom[places[e]], coefficients[e], sum);
      }
      scores[scoresFrom + token] = sum;
    }
  }

  @Override
  public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    int d = shape.headDimension();
    int[] atoms = used[head];
    Arrays.fill(perAtom, 0, atoms.length, 0f);
    for (int token = 0; token < shape.tokens(); token++) {
      int v = token * shape.heads() + head;
      float weight = weights[weightsFrom + token];
      for (int e = starts[v]; e < starts[v + 1]; e++) {
        perAtom[places[e]] = Math.fma(weight, coefficients[e], perAtom[places[e]]);
      }
    }
    for (int i = 0; i < atoms.length; i++) {
      Kernels.axpy(perAtom[i], dictionary.atoms(), atoms[i] * d, out, outFrom, d);
    }
  }
}
