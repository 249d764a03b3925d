package dev.oxbow.splicer;

import dev.oxbow.codecs.control.RawJson;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some of the live relays.
 *
 * @param relays oldest first
 * @param next what to ask the next page with, or null when this is the last
 */
public record RelayPage(List<Entry> relays, @Nullable String next) {

  /**
   * A live relay.
   *
   * @param relay its id
   * @param bytesAToB bytes written to b so far, without the prelude
   * @param bytesBToA bytes written to a so far, without the prelude
   * @param ageMs since it began
   * @param idleMs since a byte moved
   * @param metadata as given
   */
  public record Entry(
      String relay, long bytesAToB, long bytesBToA, long ageMs, long idleMs, RawJson metadata) {}
}
