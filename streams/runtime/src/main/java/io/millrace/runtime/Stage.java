package io.millrace.runtime;

import java.util.Map;
import java.util.function.Supplier;

/**
 * One operator of a pipeline with the topics around it.
 *
 * @param name unique within the pipeline
 * @param spec builds the operator anew for each task: nothing of it is shared between threads
 * @param inputTopic what it reads
 * @param outputTopics channel to topic; a channel without a topic is dropped
 * @param following the models that it follows
 */
public record Stage(
    String name,
    Supplier<OperatorSpec<?, ?, ?>> spec,
    String inputTopic,
    Map<String, String> outputTopics,
    Following following) {}
