package io.millrace.schema;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;

/**
 * Resolves schemas to generated classes from a fixed table, so that no class is ever loaded by a
 * name and no process-wide trust list has to be set.
 */
final class KnownClasses extends SpecificData {
  private static final Map<String, Class<?>> CLASSES =
      List.<Class<?>>of(
              SensorReading.class,
              SparseCode.class,
              Anomaly.class,
              AnomalyKind.class,
              DictionaryVersion.class,
              VersionCause.class,
              DictionaryStatistics.class,
              HeadGroup.class,
              RotaryPosition.class,
              RotaryState.class,
              RotaryPairing.class,
              KeyValueBlock.class,
              TensorKind.class,
              ElementFormat.class,
              SessionEnd.class,
              QueryMoments.class,
              KeyValuePage.class,
              PageTier.class,
              KeyValueSummary.class,
              KeyValueSample.class,
              BasisVersion.class,
              BasisCause.class,
              HeadBudget.class,
              ModelLayer.class,
              ModelDefinition.class,
              ModelChunk.class,
              UpdateTask.class,
              TaskRequest.class,
              TaskOffer.class,
              UpdateChunk.class,
              ClientCommit.class,
              AuthorisedRecord.class,
              ClientKey.class,
              RoundTick.class,
              Contribution.class,
              RoundFreeze.class,
              ChunkReceipt.class,
              ChunkGram.class,
              RoundDecision.class,
              ChunkDone.class,
              Rejection.class,
              VersionCommit.class,
              ModelPointer.class,
              PrivacyAccount.class,
              ClientMemory.class,
              CodecPlan.class,
              RoundPhase.class,
              RoundStatus.class,
              UpdateOutcome.class,
              MaskKeys.class,
              MaskMember.class,
              MaskCohort.class,
              SealedShare.class,
              MaskShares.class,
              MaskDelivery.class,
              MaskSurvivors.class,
              RevealedShare.class,
              MaskReveal.class,
              DeadLetter.class,
              Metric.class,
              Tensor.class,
              DataType.class)
          .stream()
          .collect(Collectors.toUnmodifiableMap(Class::getName, Function.identity()));

  KnownClasses() {
    super(KnownClasses.class.getClassLoader());
    setFastReaderEnabled(false);
  }

  @Override
  public Class<?> getClass(Schema schema) {
    return switch (schema.getType()) {
      case RECORD, ENUM, FIXED -> CLASSES.get(schema.getFullName());
      default -> super.getClass(schema);
    };
  }
}
