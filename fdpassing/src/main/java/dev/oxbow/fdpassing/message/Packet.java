package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import java.util.List;

/**
 * One received packet. Whoever gets it owns its descriptors.
 *
 * @param bytes the content; the first {@link PacketBuffer#MAX_BYTES} of a longer one
 * @param descriptors what came with it, close-on-exec
 * @param tooLong whether the packet was longer than {@link PacketBuffer#MAX_BYTES} (MSG_TRUNC)
 * @param descriptorsLost whether the kernel could not install all descriptors (MSG_CTRUNC), for
 *     want of free numbers; those that it did are among the others
 */
public record Packet(
    byte[] bytes, List<Descriptor> descriptors, boolean tooLong, boolean descriptorsLost) {}
