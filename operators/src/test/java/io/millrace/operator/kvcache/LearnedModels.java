package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.Dictionary;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Models for pages of a shape, learned from nothing in particular. */
final class LearnedModels {
  private LearnedModels() {}

  /** Of all components, of normal vectors. */
  static TransformBasis basis(PageShape shape) {
    int c = shape.channels();
    SecondMoments moments = new SecondMoments(c);
    moments.observe(DumpTools.normal(11, 4 * c * c), 0, 4 * c, new SecondMoments.Scratch());
    return TransformBasis.learn("m/w/0/K/0", 3, vectors(shape), moments, c);
  }

  static TransformBasis.Vectors vectors(PageShape shape) {
    return new TransformBasis.Vectors(
        shape.heads(),
        shape.headDimension(),
        new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 1e4, 0, List.of()));
  }

  /** Of twice as many random atoms as a head has channels, and one that is dead. */
  static DictionaryModel dictionary(PageShape shape) {
    int d = shape.headDimension();
    float[] atoms = DumpTools.normal(12, (2 * d + 1) * d);
    Arrays.fill(atoms, 0, d, 0f);
    Dictionary dictionary = Dictionary.normalized(atoms, 2 * d + 1, d);
    return new DictionaryModel("m/w/0/K/0/dictionary", 5, dictionary, 1, d);
  }

  /** Of 3 to 5 bits. */
  static HeadBudgetModel budget(PageShape shape) {
    float[] bits = new float[shape.heads()];
    for (int head = 0; head < bits.length; head++) {
      bits[head] = 3 + (head + 1) % 3;
    }
    return new HeadBudgetModel("m/w/0/K/0/budget", 7, bits);
  }

  static float[] queryMeanSquares(PageShape shape) {
    float[] squares = DumpTools.normal(13, shape.channels());
    for (int i = 0; i < squares.length; i++) {
      squares[i] *= squares[i];
    }
    return squares;
  }

  /** Knows one model. */
  static CodecContext context(String basis, Models.Model only) {
    Models models =
        new Models() {
          @Override
          public Optional<Model> latest(String id) {
            return id.equals(only.id()) ? Optional.of(only) : Optional.empty();
          }

          @Override
          public Optional<Model> version(String id, long version) {
            return latest(id).filter(model -> model.version() == version);
          }
        };
    return new CodecContext(models, basis, new float[0]);
  }
}
