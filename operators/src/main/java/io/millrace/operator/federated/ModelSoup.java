package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * Means of published versions of a model: Wortsman and others, Model soups: averaging weights of
 * multiple fine-tuned models improves accuracy without increasing inference time (2022, arXiv
 * 2203.05482); of sparse ones Zimmer, Spiegel, Pokutta, Sparse model soups (2023, arXiv
 * 2306.16788), who average models of one mask alone, since the mean of others is not sparse.
 *
 * <p>Offline, over the log of versions: 8 d bytes a version. Sums go in the order of the list.
 * Stateless.
 */
public final class ModelSoup {
  private static final int LARGEST_MODEL = 1 << 28;

  private ModelSoup() {}

  /**
   * A version to be averaged.
   *
   * @param version number
   * @param values of the whole model, not modified
   * @param mask id of the coordinates that may differ from 0; empty: all
   */
  public record Ingredient(long version, double[] values, String mask) {}

  /**
   * What was made.
   *
   * @param versions in it, in the order in which they were added
   * @param values of the whole model
   */
  public record Soup(List<Long> versions, double[] values) {}

  /**
   * A version from its records.
   *
   * @param chunks all of the version, in any order
   * @param mask as in {@link Ingredient}
   * @throws IllegalArgumentException unless each chunk is there once and all digests agree with the
   *     commit
   */
  public static Ingredient ingredient(VersionCommit commit, List<ModelChunk> chunks, String mask) {
    int count = commit.getChunkDigests().size();
    double[][] parts = new double[count][];
    for (ModelChunk chunk : chunks) {
      int place = chunk.getChunk();
      boolean belongs =
          chunk.getModel().equals(commit.getModel())
              && chunk.getVersion() == commit.getVersion()
              && place >= 0
              && place < count
              && parts[place] == null
              && chunk.getDigest().equals(commit.getChunkDigests().get(place))
              && ByteBuffer.wrap(Digests.of(chunk)).equals(chunk.getDigest());
      if (!belongs) {
        throw new IllegalArgumentException(
            "chunk "
                + place
                + " of version "
                + chunk.getVersion()
                + " is not of "
                + commit.getModel()
                + " version "
                + commit.getVersion()
                + " as committed, or there twice");
      }
      parts[place] = numbers(chunk);
    }
    long length = 0;
    for (int i = 0; i < count; i++) {
      if (parts[i] == null) {
        throw new IllegalArgumentException(
            "chunk " + i + " of version " + commit.getVersion() + " is missing");
      }
      length += parts[i].length;
    }
    SettingCheck.range("numbers of a model", length, 1, LARGEST_MODEL);
    double[] values = new double[(int) length];
    int from = 0;
    for (double[] part : parts) {
      System.arraycopy(part, 0, values, from, part.length);
      from += part.length;
    }
    return new Ingredient(commit.getVersion(), values, mask);
  }

  private static double[] numbers(ModelChunk chunk) {
    ByteBuffer bytes = chunk.getValues().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int size = chunk.getElementBytes();
    if (size != Float.BYTES && size != Double.BYTES || bytes.remaining() % size != 0) {
      throw new IllegalArgumentException(
          "chunk has " + bytes.remaining() + " bytes, numbers of " + size);
    }
    double[] numbers = new double[bytes.remaining() / size];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = size == Float.BYTES ? bytes.getFloat() : bytes.getDouble();
    }
    return numbers;
  }

  /**
   * The mean of all.
   *
   * @throws IllegalArgumentException for none, other lengths, or other masks: those of two models
   *     together keep more numbers than either
   */
  public static Soup uniform(List<Ingredient> ingredients) {
    check(ingredients);
    double[] mean = new double[ingredients.get(0).values().length];
    for (Ingredient ingredient : ingredients) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += ingredient.values()[i];
      }
    }
    for (int i = 0; i < mean.length; i++) {
      mean[i] /= ingredients.size();
    }
    return new Soup(ingredients.stream().map(Ingredient::version).toList(), mean);
  }

  /**
   * The greedy soup: versions by falling score, ties in the order of the list, each kept if the
   * mean with it scores no less than the mean without.
   *
   * @param score of a model on data that none was trained on, the more the better; must not modify
   *     it
   * @throws IllegalArgumentException as {@link #uniform}, or for a score that is not a number
   */
  public static Soup greedy(List<Ingredient> ingredients, ToDoubleFunction<double[]> score) {
    check(ingredients);
    double[] scores = ingredients.stream().mapToDouble(one -> of(score, one.values())).toArray();
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      order.add(i);
    }
    order.sort((a, b) -> Double.compare(scores[b], scores[a]));
    List<Ingredient> kept = new ArrayList<>(List.of(ingredients.get(order.get(0))));
    double best = scores[order.get(0)];
    for (int next : order.subList(1, order.size())) {
      kept.add(ingredients.get(next));
      double tasted = of(score, uniform(kept).values());
      if (tasted >= best) {
        best = tasted;
      } else {
        kept.remove(kept.size() - 1);
      }
    }
    return uniform(kept);
  }

  private static double of(ToDoubleFunction<double[]> score, double[] values) {
    double result = score.applyAsDouble(values);
    if (Double.isNaN(result)) {
      throw new IllegalArgumentException("score of a model is NaN");
    }
    return result;
  }

  private static void check(List<Ingredient> ingredients) {
    if (ingredients.isEmpty()) {
      throw new IllegalArgumentException("soup of no versions");
    }
    Ingredient first = ingredients.get(0);
    for (Ingredient other : ingredients) {
      Optional<String> difference = difference(first, other);
      if (difference.isPresent()) {
        throw new IllegalArgumentException(
            "version " + other.version() + " has " + difference.get());
      }
    }
  }

  private static Optional<String> difference(Ingredient first, Ingredient other) {
    if (other.values().length != first.values().length) {
      return Optional.of(
          other.values().length
              + " numbers, version "
              + first.version()
              + " has "
              + first.values().length);
    }
    if (!other.mask().equals(first.mask())) {
      return Optional.of(
          "mask '"
              + other.mask()
              + "', version "
              + first.version()
              + " has '"
              + first.mask()
              + "'");
    }
    return Arrays.stream(other.values()).allMatch(Double::isFinite)
        ? Optional.empty()
        : Optional.of("a number that is not finite");
  }
}
