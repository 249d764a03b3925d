package dev.oxbow.fish.partner;

import dev.oxbow.codecs.control.MessageWriter;
import io.vertx.core.Future;

/**
 * What shares the ports of a Fish with another one. Loop thread only, and nothing here blocks. It
 * says which blocks may be used until when by {@link SharedPorts#allow}.
 */
public interface Partner {

  /** Makes a partner that is frozen. */
  interface Source<T extends Partner> {

    /** The ports stay their owner's, who thaws the partner with them. */
    T over(SharedPorts ports);
  }

  /**
   * Goes on from what its memory says, since another process may have used the ports: when it
   * returns, what may be used is set.
   */
  void thaw();

  /** Another process may go on: neither touches memory nor ports, until the next thaw. */
  void freeze();

  /** Time passes; several times a second. */
  void tick();

  /** A connection found no port of an address in any block that may be used; called for each. */
  void ranShort(long high, long low);

  /** The way to the other Fish. */
  PartnerLink link();

  /** Writes its counters into the open object. */
  void stats(MessageWriter out);

  /**
   * Ends for good, frozen or not.
   *
   * @param inOrder whether the ports that rest are noted for the next process
   */
  Future<Void> close(boolean inOrder);
}
