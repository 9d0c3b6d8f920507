package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.functions.RichMapFunction;

/**
 * Lets every record through. The first attempt of a job fails at one of them; another one leaves a
 * file behind when it has passed.
 */
final class Turnstile extends RichMapFunction<TopicRecord, TopicRecord> {
  private static final long serialVersionUID = 1L;

  private final String failAt;
  private final String markAt;
  private final String mark;

  /**
   * @param failAt name of a record, or empty
   * @param markAt name of a record, or empty
   * @param mark the file
   */
  Turnstile(String failAt, String markAt, Path mark) {
    this.failAt = failAt;
    this.markAt = markAt;
    this.mark = mark.toString();
  }

  /** What a record goes by here. */
  static String name(TopicRecord record) {
    return record.topic() + "-" + record.partition() + "@" + record.offset();
  }

  @Override
  public TopicRecord map(TopicRecord record) throws IOException {
    String name = name(record);
    if (name.equals(failAt) && getRuntimeContext().getTaskInfo().getAttemptNumber() == 0) {
      throw new IOException("failure on purpose at " + name);
    }
    if (name.equals(markAt)) {
      Files.writeString(Path.of(mark), name);
    }
    return record;
  }
}
