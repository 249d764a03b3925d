package dev.oxbow.fdpassing.testing;

import dev.oxbow.fdpassing.libc.Syscalls;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** See {@link RequiresRoot}. */
public final class RequiresRootCondition implements ExecutionCondition {

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    long uid = Syscalls.effectiveUid();
    return uid == 0
        ? ConditionEvaluationResult.enabled("runs as root")
        : ConditionEvaluationResult.disabled("needs root, but the effective uid is " + uid);
  }
}
