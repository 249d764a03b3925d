package dev.oxbow.service.flow;

/**
 * Why a packet went no further: implemented by an enum whose constants have a code in the ledger, 0
 * to 15, and a name in messages.
 */
public interface Drop {

  /** The place of its counter in the ledger. */
  int code();

  /** The reason as it stands in messages. */
  String wireName();
}
