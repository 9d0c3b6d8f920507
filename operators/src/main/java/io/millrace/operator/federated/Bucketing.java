package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * Bucketing (Karimireddy, He, Jaggi, Byzantine-robust learning on heterogeneous datasets via
 * bucketing, 2020, arXiv 2006.09365): means of random groups of s updates, before any rule. The
 * groups come from the round's logged seed. A rule behind it breaks at half its share of faulty
 * clients for s = 2.
 *
 * @param size s, at least 1; the last bucket takes what is left
 */
record Bucketing(int size, long seed) implements GramMixing {
  Bucketing {
    SettingCheck.range("bucket size", size, 1, 1 << 20);
  }

  @Override
  public Mixing mixing(Gram gram) {
    return mixing(gram.size());
  }

  /** The buckets of so many clients: nothing of the updates is needed. */
  Mixing mixing(int clients) {
    int[] order = new int[clients];
    for (int i = 0; i < clients; i++) {
      // Fisher and Yates, from inside out.
      int j = SeededBits.below(seed, i, i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    int[][] members = new int[(clients + size - 1) / size][];
    for (int bucket = 0; bucket < members.length; bucket++) {
      int end = Math.min(clients, (bucket + 1) * size);
      members[bucket] = Arrays.copyOfRange(order, bucket * size, end);
      Arrays.sort(members[bucket]);
    }
    return new Mixing(clients, members);
  }
}
