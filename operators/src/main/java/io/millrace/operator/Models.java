package io.millrace.operator;

import java.util.Optional;

/** The versioned models that an operator follows. Every returned model is immutable. */
public interface Models {

  /** No models: for operators that follow none. */
  Models NONE =
      new Models() {
        @Override
        public Optional<Model> latest(String id) {
          return Optional.empty();
        }

        @Override
        public Optional<Model> version(String id, long version) {
          return Optional.empty();
        }
      };

  /** The newest complete version of a model known here, if any. */
  Optional<Model> latest(String id);

  /** One version of a model, if known here. */
  Optional<Model> version(String id, long version);

  /** A model: immutable, named and versioned. */
  interface Model {
    String id();

    long version();
  }
}
