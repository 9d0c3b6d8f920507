package io.millrace.operator.kvcache;

import java.util.List;

/** Prints the table of codecs over the three dumps. */
final class MeasureMain {
  public static void main(String[] arguments) {
    for (String model : List.of("stories260K", "kjv-hd64", "minilm-l6")) {
      KeyValueDump dump = KeyValueDump.of(model).orElseThrow();
      for (PageCodec codec :
          List.of(
              new Exact(Exact.Format.FLOAT16),
              new RoundToNearest(8, 32),
              new RoundToNearest(4, 32),
              new Kivi(4, 32),
              new Kivi(3, 32),
              new Kivi(2, 32),
              new RotatedCodebook(4),
              new RotatedCodebook(3),
              new RotatedCodebook(2),
              new BlockFloat(4),
              new BlockFloat(3))) {
        System.out.println(model + " " + codec.name() + " " + PageMeasure.of(dump, codec, codec));
      }
    }
  }
}
