package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * Who masks with whom: a k-regular graph on n members, the ring of a random order in which each has
 * the k/2 next ones on both sides for neighbours (Bell, Bonawitz, Gascón, Lepoint, Raykova: Secure
 * single-server aggregation with (poly)logarithmic overhead, 2020, eprint 2020/704, where k is of
 * order log n). With k = 0 or k of n - 1 or more all are neighbours, as in Bonawitz and others
 * (2017, eprint 2017/281).
 *
 * <p>The order is drawn from the seed: all members find the same graph. Immutable.
 */
final class NeighbourGraph {
  private final int members;
  private final int reach;
  private final int[] order;
  private final int[] place;

  /**
   * @param members n, 2 or more
   * @param neighbours k, even, 0 or more
   */
  NeighbourGraph(int members, int neighbours, long seed) {
    SettingCheck.range("members of a cohort", members, 2, 1 << 16);
    SettingCheck.range("neighbours", neighbours, 0, 1 << 16);
    if (neighbours % 2 != 0) {
      throw new IllegalArgumentException(
          "neighbours are " + neighbours + ", expected an even number");
    }
    this.members = members;
    boolean all = neighbours == 0 || neighbours >= members - 1;
    reach = all ? members : neighbours / 2;
    order = new int[members];
    for (int i = 0; i < members; i++) {
      int j = SeededBits.below(seed, i, i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    place = new int[members];
    for (int i = 0; i < members; i++) {
      place[order[i]] = i;
    }
  }

  /** Members that hold shares of one: its neighbours and itself. */
  int groupSize() {
    return Math.min(members, 2 * reach + 1);
  }

  /** Whether two members mask with each other. */
  boolean areNeighbours(int a, int b) {
    int distance = Math.floorMod(place[a] - place[b], members);
    return a != b && Math.min(distance, members - distance) <= reach;
  }

  /** A member's neighbours and itself, rising. */
  int[] group(int member) {
    int[] group = new int[groupSize()];
    if (group.length == members) {
      return java.util.stream.IntStream.range(0, members).toArray();
    }
    for (int i = 0; i < group.length; i++) {
      group[i] = order[Math.floorMod(place[member] - reach + i, members)];
    }
    Arrays.sort(group);
    return group;
  }
}
