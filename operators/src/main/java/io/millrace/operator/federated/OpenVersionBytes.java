package io.millrace.operator.federated;

import static io.millrace.operator.federated.ControlBytes.count;
import static io.millrace.operator.federated.ControlBytes.finite;
import static io.millrace.operator.federated.ControlBytes.number;
import static io.millrace.operator.federated.ControlBytes.rising;

import io.millrace.operator.StateHeader;
import io.millrace.operator.federated.OpenVersion.Part;
import io.millrace.schema.Contribution;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Bytes of an {@link OpenVersion} within {@link ControlStateCodec}, in its terms.
 *
 * <pre>
 * 8 x 6      round, version, parent, seed, opened, frozen
 * parts      n client, 8 sequence, 4 weight, 8 factor, 32 root, 4 largest,
 *            4 examples, 8 staleness, 8 bytes
 * 4          rows of the Gram matrix
 * rejections, measures
 * 1          decided
 * 4          next Gram matrix
 * sums       list of 8
 * early      4 chunk, rows (rows + 1) / 2 x 8
 * done       4 chunk, 32 digest
 * </pre>
 */
final class OpenVersionBytes {
  private static final int LARGEST_ROWS = 4096;

  private OpenVersionBytes() {}

  static void put(OpenVersion open, ControlBytes out) {
    out.number(open.round).number(open.version).number(open.parent);
    out.number(open.seed).number(open.openedMicros).number(open.frozenMicros);
    out.number(open.parts.size());
    for (Part part : open.parts) {
      Contribution contribution = part.contribution();
      out.text(contribution.getClient()).number(contribution.getSequence());
      out.number(contribution.getWeight()).number(contribution.getFactor());
      out.plain(CanonicalBytes.array(contribution.getRoot())).number(contribution.getLargest());
      out.number(contribution.getExamples()).number(contribution.getStaleness());
      out.number(part.bytes());
    }
    out.number(open.rows).rejections(open.rejected).measures(open.measures);
    out.flag(open.decided).number(open.nextGram);
    out.number(open.products.length);
    for (double product : open.products) {
      out.number(product);
    }
    out.number(open.earlyGrams.size());
    open.earlyGrams.forEach(
        (chunk, triangle) -> {
          out.number((int) chunk);
          for (double product : triangle) {
            out.number(product);
          }
        });
    out.digests(open.done);
  }

  static OpenVersion get(ByteBuffer in, int chunks) {
    OpenVersion.Order order =
        new OpenVersion.Order(
            number(in, 0), number(in, 1), number(in, 0), number(in), number(in, 0), number(in, 0));
    List<Part> parts = parts(in);
    StateHeader.need(in, Integer.BYTES);
    int rows = in.getInt();
    rising(rows >= 0 && rows <= LARGEST_ROWS);
    OpenVersion open = new OpenVersion(order, parts, rows);
    open.rejected.addAll(ControlBytes.readRejections(in));
    open.measures.putAll(ControlBytes.readMeasures(in));
    open.decided = StateHeader.getFlag(in);
    StateHeader.need(in, Integer.BYTES);
    open.nextGram = in.getInt();
    rising(open.nextGram >= 0 && open.nextGram <= chunks);
    int sums = count(in, Double.BYTES);
    rising(sums == 0 || sums == open.triangle());
    open.products = doubles(in, sums);
    int early = count(in, Integer.BYTES + Double.BYTES * open.triangle());
    for (int i = 0; i < early; i++) {
      int chunk = in.getInt();
      rising(rows > 0 && chunk > open.nextGram && chunk < chunks);
      rising(open.earlyGrams.isEmpty() || open.earlyGrams.lastKey() < chunk);
      open.earlyGrams.put(chunk, doubles(in, open.triangle()));
    }
    rising(early == 0 || sums > 0);
    ControlBytes.readDigests(in, chunks, open.done);
    return open;
  }

  private static List<Part> parts(ByteBuffer in) {
    int count = count(in, Short.BYTES + 76);
    List<Part> parts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String client = ControlBytes.name(in);
      long sequence = number(in, 0);
      StateHeader.need(in, Integer.BYTES);
      int weight = in.getInt();
      rising(weight >= 1);
      double factor = finite(in);
      ByteBuffer root = ByteBuffer.wrap(ControlBytes.digest(in));
      float largest = ControlBytes.largest(in);
      StateHeader.need(in, Integer.BYTES);
      int examples = in.getInt();
      rising(examples >= 1);
      Contribution contribution =
          new Contribution(
              client, sequence, weight, factor, root, largest, examples, number(in, 0));
      parts.add(new Part(contribution, number(in, 0)));
    }
    return parts;
  }

  private static double[] doubles(ByteBuffer in, int count) {
    StateHeader.need(in, (long) count * Double.BYTES);
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = finite(in);
    }
    return values;
  }
}
