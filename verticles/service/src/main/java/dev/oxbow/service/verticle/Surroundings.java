package dev.oxbow.service.verticle;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.quota.Accounts;
import io.vertx.core.Vertx;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the work of a service begins with.
 *
 * @param vertx for what blocks
 * @param control the control loop
 * @param loops on which data moves; the first is the control loop
 * @param accounts of its callers
 * @param inherited what another process has handed over, or null
 */
public record Surroundings(
    Vertx vertx,
    DescriptorLoop control,
    List<DescriptorLoop> loops,
    Accounts accounts,
    @Nullable Cargo inherited) {}
