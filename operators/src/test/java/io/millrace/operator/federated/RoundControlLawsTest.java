package io.millrace.operator.federated;

import io.millrace.operator.Operator;
import io.millrace.operator.OperatorContract;
import io.millrace.operator.StateCodec;
import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Immediate;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.RoundTick;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Nested;

/** The laws of an operator, for each way to control rounds. */
class RoundControlLawsTest {
  private static final int CHUNKS = 3;
  private static final int INPUTS = 500;

  /** Everything that a state may hold, for its golden file, too. */
  static ControlTestSettings robustAndCarrying() {
    return new ControlTestSettings()
        .policy(new Synchronous(4, 3, 1500, true))
        .staleness(new Staleness.Hinge(2, 1), 3)
        .taskMillis(2_000)
        .robust(PreMixing.NEAREST_NEIGHBOURS, RobustRule.TRIMMED_MEAN, 1)
        .codecs("qsgd-16", "qsgd-4", "top-k-0.3");
  }

  static ControlTestSettings privateRounds() {
    return new ControlTestSettings()
        .policy(new Synchronous(3, 2, 1000, false))
        .privacy(3, 4, 200, 1e-5, 0.5);
  }

  static ControlTestSettings corrected() {
    return new ControlTestSettings()
        .averaging(AveragingMethod.FEDBUFF)
        .policy(new Buffered(3, 8, 50))
        .taskMillis(3_000);
  }

  @Nested
  class RoundsThatDrop extends ControlContract {
    @Override
    ControlTestSettings settings() {
      return new ControlTestSettings();
    }
  }

  @Nested
  class RobustRoundsThatCarry extends ControlContract {
    @Override
    ControlTestSettings settings() {
      return robustAndCarrying();
    }
  }

  @Nested
  class RoundsWithAReference extends ControlContract {
    @Override
    ControlTestSettings settings() {
      return new ControlTestSettings()
          .policy(new Synchronous(4, 4, 2000, false))
          .robust(PreMixing.BUCKETING, RobustRule.GEOMETRIC_MEDIAN, 1);
    }
  }

  @Nested
  class PrivateRounds extends ControlContract {
    @Override
    ControlTestSettings settings() {
      return privateRounds();
    }
  }

  @Nested
  class CorrectedBuffers extends ControlContract {
    @Override
    ControlTestSettings settings() {
      return corrected();
    }
  }

  @Nested
  class VersionsAtOnce extends ControlContract {
    @Override
    ControlTestSettings settings() {
      return new ControlTestSettings()
          .averaging(AveragingMethod.FEDASYNC)
          .policy(new Immediate())
          .pendingUpdates(5);
    }
  }

  abstract static class ControlContract
      extends OperatorContract<FederatedInput, ControlState, FederatedOutput> {
    abstract ControlTestSettings settings();

    @Override
    protected Operator<FederatedInput, ControlState, FederatedOutput> operator() {
      return new RoundControl(settings().build(), ControlRun.AUTHORITY);
    }

    @Override
    protected StateCodec<ControlState> codec() {
      return new ControlStateCodec();
    }

    @Override
    protected String key() {
      return ControlRun.MODEL;
    }

    @Override
    protected List<FederatedInput> inputs(long seed) {
      return new ControlSimulation(settings().build(), CHUNKS, seed, INPUTS).run().inputs;
    }

    @Override
    protected List<FederatedInput> refused(FederatedInput newest) {
      List<FederatedInput> refused = new ArrayList<>();
      refused.add(new FederatedInput.Update(new UpdateChunk()));
      refused.add(new FederatedInput.Request(new TaskRequest("another", "client-1", 0L)));
      refused.add(new FederatedInput.Request(new TaskRequest(key(), "a client", 0L)));
      refused.add(new FederatedInput.Request(new TaskRequest(key(), "", 0L)));
      AuthorisedRecord tick =
          ControlRun.authorise(new RoundTick(key(), 1_000_000_000_000L)).record();
      tick.setAuthenticator(ByteBuffer.allocate(32));
      refused.add(new FederatedInput.Authorised(tick));
      refused.add(ControlRun.authorise(new RoundTick(key(), -1L)));
      refused.add(ControlRun.authorise(new RoundTick(key(), Long.MAX_VALUE)));
      refused.add(ControlRun.authorise(new RoundTick("another", 1_000_000_000_000L)));
      refused.add(ControlRun.authorise(new TaskRequest(key(), "client-1", 0L)));
      UpdateTask task =
          new UpdateTask(key(), "client-1", 0L, 0L, 0L, 0L, 0L, ByteBuffer.allocate(32));
      refused.add(
          new FederatedInput.Commit(
              new ClientCommit(
                  task,
                  CHUNKS,
                  ByteBuffer.allocate(32),
                  1.0,
                  1,
                  1,
                  List.of(),
                  new HashMap<>(),
                  ByteBuffer.allocate(0))));
      if (newest instanceof FederatedInput.Commit) {
        refused.add(newest);
      }
      return refused;
    }

    @Override
    protected byte[] inputBytes(FederatedInput input) {
      return ControlRun.bytes(input);
    }

    @Override
    protected byte[] outputBytes(FederatedOutput output) {
      return ControlRun.bytes(output);
    }

    @Override
    protected void overwrite(FederatedInput input) {
      if (input instanceof FederatedInput.Request request) {
        request.request().setClient("overwritten");
      } else if (input instanceof FederatedInput.Commit commit) {
        fill(commit.commit().getRoot());
        fill(commit.commit().getTask().getAuthenticator());
        commit.commit().setExamples(99_999);
        commit.commit().setCodecErrors(List.of());
        commit.commit().setMeasures(new HashMap<>());
      } else if (input instanceof FederatedInput.Authorised authorised) {
        fill(authorised.record().getRecord());
        fill(authorised.record().getAuthenticator());
      }
    }

    private static void fill(ByteBuffer bytes) {
      for (int i = bytes.position(); i < bytes.limit(); i++) {
        bytes.put(i, (byte) 77);
      }
    }

    @Override
    protected String goldenFamily() {
      return "federated-rounds";
    }
  }
}
