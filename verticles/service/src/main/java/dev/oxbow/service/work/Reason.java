package dev.oxbow.service.work;

import org.jspecify.annotations.Nullable;

/**
 * Why work ended: implemented by an enum whose constants have a code in the ledger and a name in
 * messages. The last one stands for those that this version does not know.
 */
public interface Reason {

  /** The reason as it stands in the ledger, above 0. */
  int code();

  /** The reason as it stands in messages. */
  String wireName();

  /** The reason of a code among all; null for 0, work that runs. */
  static <R extends Reason> @Nullable R of(R[] all, int code) {
    if (code == 0) {
      return null;
    }
    for (R reason : all) {
      if (reason.code() == code) {
        return reason;
      }
    }
    return all[all.length - 1];
  }

  /** The reason of a name among all. */
  static <R extends Reason> R of(R[] all, String wireName) {
    for (R reason : all) {
      if (reason.wireName().equals(wireName)) {
        return reason;
      }
    }
    return all[all.length - 1];
  }
}
