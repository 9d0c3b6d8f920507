package io.millrace.runtime;

import io.millrace.operator.Models.Model;
import io.millrace.operator.dictionary.DictionaryAssembly;
import io.millrace.operator.kvcache.BasisAssembly;
import io.millrace.operator.kvcache.HeadBudgetModel;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.HeadBudget;
import org.apache.avro.specific.SpecificRecord;

/** Puts the slices of one version of a model together, in whatever order they come. One thread. */
sealed interface ModelAssembly {

  /**
   * Adds a slice; a repeated slice changes nothing.
   *
   * @throws IllegalArgumentException for a slice of another version, shape or type
   */
  void add(SpecificRecord slice);

  /** Whether all slices are there. */
  boolean isComplete();

  /** The model, made anew at each call; all slices are there. */
  Model model();

  /** Whether a model that nobody uses is better made again than kept. */
  boolean isCheap();

  /**
   * An assembly without slices, for those of one version.
   *
   * @param first any of them
   * @throws IllegalArgumentException for impossible sizes
   */
  static ModelAssembly of(SpecificRecord first) {
    if (first instanceof BasisVersion slice) {
      return new Basis(new BasisAssembly(slice));
    }
    if (first instanceof HeadBudget budget) {
      return new Budget(HeadBudgetModel.of(budget));
    }
    return new OfDictionary(new DictionaryAssembly(as(DictionaryVersion.class, first)));
  }

  /** Components are halves: a basis is twice as large as its slices, and soon decoded. */
  record Basis(BasisAssembly slices) implements ModelAssembly {
    @Override
    public void add(SpecificRecord slice) {
      slices.add(as(BasisVersion.class, slice));
    }

    @Override
    public boolean isComplete() {
      return slices.isComplete();
    }

    @Override
    public Model model() {
      return slices.model().orElseThrow();
    }

    @Override
    public boolean isCheap() {
      return true;
    }
  }

  /** Preparing it for coding takes d k^2 operations. */
  record OfDictionary(DictionaryAssembly slices) implements ModelAssembly {
    @Override
    public void add(SpecificRecord slice) {
      slices.add(as(DictionaryVersion.class, slice));
    }

    @Override
    public boolean isComplete() {
      return slices.atoms().isPresent();
    }

    @Override
    public Model model() {
      return slices.model().orElseThrow();
    }

    @Override
    public boolean isCheap() {
      return false;
    }
  }

  /** One record is all. */
  record Budget(HeadBudgetModel model) implements ModelAssembly {
    @Override
    public void add(SpecificRecord slice) {
      as(HeadBudget.class, slice);
    }

    @Override
    public boolean isComplete() {
      return true;
    }

    @Override
    public boolean isCheap() {
      return false;
    }
  }

  private static <T extends SpecificRecord> T as(Class<T> type, SpecificRecord slice) {
    if (!type.isInstance(slice)) {
      throw new IllegalArgumentException(
          "slice is a " + slice.getSchema().getName() + ", expected a " + type.getSimpleName());
    }
    return type.cast(slice);
  }
}
