package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import java.io.IOException;
import java.lang.reflect.Field;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaWriterState;
import org.apache.flink.connector.kafka.sink.TwoPhaseCommittingStatefulSink;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.SupportsPostCommitTopology;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Flink's Kafka sink, and what its writers forget: those of connector 5.0.0 open an admin client,
 * to look for transactions that an earlier run left, and never close it. That is a thread, its
 * connections and, in a session cluster, the class loader of the job, for every task at every
 * restart: a dozen restarts would end a task manager for lack of metaspace. The client is a private
 * field, so this is the one place that reads one; a connector without it is left as it is.
 */
final class ClosingKafkaSink
    implements TwoPhaseCommittingStatefulSink<TopicRecord, KafkaWriterState, KafkaCommittable>,
        SupportsPostCommitTopology<KafkaCommittable> {
  static final String ADMIN_FIELD = "adminClient";

  private static final long serialVersionUID = 1L;

  private final KafkaSink<TopicRecord> sink;

  ClosingKafkaSink(KafkaSink<TopicRecord> sink) {
    this.sink = sink;
  }

  @Override
  public Writer createWriter(WriterInitContext context) throws IOException {
    return restoreWriter(context, List.of());
  }

  @Override
  public Writer restoreWriter(WriterInitContext context, Collection<KafkaWriterState> state)
      throws IOException {
    TwoPhaseCommittingStatefulSink<TopicRecord, KafkaWriterState, KafkaCommittable> restoring =
        sink;
    return new Writer(restoring.restoreWriter(context, state));
  }

  @Override
  public SimpleVersionedSerializer<KafkaWriterState> getWriterStateSerializer() {
    return sink.getWriterStateSerializer();
  }

  @Override
  public Committer<KafkaCommittable> createCommitter(CommitterInitContext context)
      throws IOException {
    return sink.createCommitter(context);
  }

  @Override
  public SimpleVersionedSerializer<KafkaCommittable> getCommittableSerializer() {
    return sink.getCommittableSerializer();
  }

  @Override
  public void addPostCommitTopology(DataStream<CommittableMessage<KafkaCommittable>> committed) {
    sink.addPostCommitTopology(committed);
  }

  /** Does what the sink's writer does, and closes its admin client after it. */
  @SuppressWarnings("try") // the interface's close may be interrupted
  static final class Writer
      implements PrecommittingStatefulSinkWriter<TopicRecord, KafkaWriterState, KafkaCommittable> {
    private final PrecommittingStatefulSinkWriter<TopicRecord, KafkaWriterState, KafkaCommittable>
        writer;

    Writer(
        PrecommittingStatefulSinkWriter<TopicRecord, KafkaWriterState, KafkaCommittable> writer) {
      this.writer = writer;
    }

    @Override
    public void write(TopicRecord record, Context context)
        throws IOException, InterruptedException {
      writer.write(record, context);
    }

    @Override
    public void flush(boolean endOfInput) throws IOException, InterruptedException {
      writer.flush(endOfInput);
    }

    @Override
    public void writeWatermark(Watermark watermark) throws IOException, InterruptedException {
      writer.writeWatermark(watermark);
    }

    @Override
    public Collection<KafkaCommittable> prepareCommit() throws IOException, InterruptedException {
      return writer.prepareCommit();
    }

    @Override
    public List<KafkaWriterState> snapshotState(long checkpoint) throws IOException {
      return writer.snapshotState(checkpoint);
    }

    @Override
    public void close() throws Exception {
      try (AutoCloseable admin = adminOf(writer)) {
        writer.close();
      }
    }

    /** The admin client of a writer; something without effect where it has none. */
    static AutoCloseable adminOf(Object writer) throws IllegalAccessException {
      for (Field field : writer.getClass().getDeclaredFields()) {
        if (field.getName().equals(ADMIN_FIELD)) {
          field.setAccessible(true);
          if (field.get(writer) instanceof AutoCloseable open) {
            return open;
          }
        }
      }
      return () -> {};
    }
  }
}
