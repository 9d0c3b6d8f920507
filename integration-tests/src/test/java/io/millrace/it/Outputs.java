package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The committed outputs of a deployment, by channel and key.
 *
 * @param byChannel channel to key to values, keys and values as hexadecimal text
 */
record Outputs(Map<String, Map<String, List<String>>> byChannel) {

  static Outputs of(Deployment deployment) {
    Map<String, Map<String, List<String>>> byChannel = new TreeMap<>();
    for (String channel : deployment.pipeline().channels()) {
      byChannel.put(channel, deployment.cluster().committedByKey(deployment.topic(channel)));
    }
    return new Outputs(byChannel);
  }

  long count(String channel) {
    return byChannel.get(channel).values().stream().mapToLong(List::size).sum();
  }

  /** Equality of nothing would prove nothing. */
  void assertWorthComparing(String context) {
    assertTrue(count("codes") > 1000, context + ": codes " + count("codes"));
    assertTrue(count("dictionaries") > 16, context + ": versions " + count("dictionaries"));
    assertTrue(count("anomalies") > 0, context + ": no anomalies");
  }

  /** Fails with channel, key and place of the first difference. */
  void assertSameAs(Outputs expected, String context) {
    for (String channel : expected.byChannel.keySet()) {
      Map<String, List<String>> want = expected.byChannel.get(channel);
      Map<String, List<String>> got = byChannel.get(channel);
      assertEquals(want.keySet(), got.keySet(), context + ": keys of " + channel);
      want.forEach((key, values) -> assertSame(values, got.get(key), context, channel, key));
    }
  }

  private static void assertSame(
      List<String> want, List<String> got, String context, String channel, String key) {
    if (want.equals(got)) {
      return;
    }
    int at = 0;
    while (at < want.size() && at < got.size() && want.get(at).equals(got.get(at))) {
      at++;
    }
    fail(
        context
            + ": "
            + channel
            + " of key "
            + key
            + ": got "
            + got.size()
            + " values, expected "
            + want.size()
            + "; first difference at "
            + at
            + ": got "
            + (at < got.size() ? got.get(at) : "nothing")
            + ", expected "
            + (at < want.size() ? want.get(at) : "nothing"));
  }
}
