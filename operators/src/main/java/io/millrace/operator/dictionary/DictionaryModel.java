package io.millrace.operator.dictionary;

import io.millrace.operator.Models;

/**
 * A published dictionary that operators follow. Immutable.
 *
 * @param length steps of a window, L
 * @param channels C; the dictionary's dimension is L x C
 */
public record DictionaryModel(
    String id, long version, Dictionary dictionary, int length, int channels)
    implements Models.Model {}
