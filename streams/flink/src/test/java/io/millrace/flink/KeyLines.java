package io.millrace.flink;

import io.millrace.runtime.OutputLine;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/** Outputs by topic and key: the order that a job at any parallelism keeps. */
final class KeyLines {
  private KeyLines() {}

  /** Topics whose keys gather records of several partitions compare in any order. */
  static TreeMap<String, List<OutputLine>> of(Trace trace, List<TopicRecord> outputs) {
    Set<String> gathered = new HashSet<>();
    gathered.add(trace.pipeline().deadLetterTopic());
    gathered.add(trace.stage().outputTopics().getOrDefault("statistics", ""));
    TreeMap<String, List<OutputLine>> lines = new TreeMap<>();
    for (TopicRecord output : outputs) {
      OutputLine line = OutputLine.of(output);
      lines.computeIfAbsent(line.topic() + "/" + line.key(), key -> new ArrayList<>()).add(line);
    }
    lines.forEach(
        (key, all) -> {
          if (gathered.contains(all.get(0).topic())) {
            all.sort(Comparator.comparing(OutputLine::value));
          }
        });
    return lines;
  }
}
