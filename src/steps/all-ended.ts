/** All of them, whatever comes of each. Rejects with the first error, in their order, once every one has ended: nothing is left running. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
