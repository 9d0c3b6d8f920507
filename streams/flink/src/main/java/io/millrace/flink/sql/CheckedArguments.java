package io.millrace.flink.sql;

import io.millrace.runtime.ConfigurationException;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.flink.table.functions.FunctionDefinition;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.ArgumentCount;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.InputTypeStrategies;
import org.apache.flink.table.types.inference.InputTypeStrategy;
import org.apache.flink.table.types.inference.Signature;
import org.apache.flink.table.types.inference.StaticArgument;

/**
 * Checks the values of a call's arguments when the query is planned; their types are Flink's work.
 *
 * @param declared for messages
 * @param check throws {@link ConfigurationException} for a call that cannot run
 */
record CheckedArguments(List<StaticArgument> declared, Consumer<CallContext> check)
    implements InputTypeStrategy {

  @Override
  public ArgumentCount getArgumentCount() {
    return InputTypeStrategies.WILDCARD.getArgumentCount();
  }

  @Override
  public Optional<List<DataType>> inferInputTypes(CallContext call, boolean throwOnFailure) {
    try {
      check.accept(call);
    } catch (ConfigurationException e) {
      return call.fail(throwOnFailure, "%s", e.getMessage());
    }
    return Optional.of(call.getArgumentDataTypes());
  }

  @Override
  public List<Signature> getExpectedSignatures(FunctionDefinition definition) {
    return List.of(
        Signature.of(
            declared.stream()
                .map(
                    argument ->
                        Signature.Argument.of(
                            argument.getName(),
                            argument.getDataType().map(DataType::toString).orElse("TABLE")))
                .toList()));
  }
}
