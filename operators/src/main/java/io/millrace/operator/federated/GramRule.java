package io.millrace.operator.federated;

/**
 * A robust rule that needs only inner products of updates: the aggregate is a weighted sum of rows,
 * and the weights come from the Gram matrix summed over all chunks. Updates pass {@link NormGate}
 * first. Stateless.
 */
interface GramRule {
  /**
   * Weights of the rows.
   *
   * @return [gram.size()], a weight for every row of the Gram matrix, the reference among them if
   *     the rule asks for one
   */
  double[] weights(Gram gram);
}
