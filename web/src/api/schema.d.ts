// Generated from openapi.json by `npm run codegen`; not edited by hand.

export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process is alive. */
        get: operations["getHealthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counters in the Prometheus text format. */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The store answers, so requests can be served. */
        get: operations["getReadyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists agents, newest first. */
        get: operations["getAgents"];
        put?: never;
        /** Opens an agent with its first message. */
        post: operations["postAgents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One agent. */
        get: operations["getAgentsId"];
        put?: never;
        post?: never;
        /** Deletes an agent with machine, transcript and artifacts; its branch and pull request stay. */
        delete: operations["deleteAgentsId"];
        options?: never;
        head?: never;
        /** Gives another name. */
        patch: operations["patchAgentsId"];
        trace?: never;
    };
    "/v1/agents/{id}/archive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes no more messages; idempotent. */
        post: operations["postAgentsIdArchive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The agent's artifacts. */
        get: operations["getAgentsIdArtifacts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/artifacts/download": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A link to one artifact that carries its own right for 15 minutes. */
        get: operations["getAgentsIdArtifactsDownload"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/blobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One file of a commit, as it is. */
        get: operations["getAgentsIdBlobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/browser": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether there is a browser, whether it runs, and who is there. */
        get: operations["getAgentsIdBrowser"];
        put?: never;
        /** Starts the browser, or answers the one that runs. */
        post: operations["postAgentsIdBrowser"];
        /** Ends the browser, for everybody who looks at it. */
        delete: operations["deleteAgentsIdBrowser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/browser/socket": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The browser itself, as a socket of kind `browser`: pictures out, pointer and keys in. */
        get: operations["getAgentsIdBrowserSocket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/configuration": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Allows a configuration that is not that of the repository's default branch: the agent has its credentials from its
         *     next message on.
         */
        post: operations["postAgentsIdConfiguration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The diff of each repository against the commit the work started from. */
        get: operations["getAgentsIdDiff"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events after N, or the newest below N. With `Accept: text/event-stream` they are followed live: `event` frames carry the
         *     number as id, `delta` frames are seen once only.
         */
        get: operations["getAgentsIdEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/events/{seq}/images/{index}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A picture of the message in an `Asked` or `Steered` event, counted from 0. */
        get: operations["getAgentsIdEventsSeqImagesIndex"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A directory. */
        get: operations["getAgentsIdFiles"];
        put?: never;
        post?: never;
        /** Removes a file, a link, or a directory. */
        delete: operations["deleteAgentsIdFiles"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/files/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A file's bytes. */
        get: operations["getAgentsIdFilesContent"];
        /**
         * Writes a file from the request's bytes, atomically; missing directories are made. `If-Match` writes
         *     only over the version named, `If-None-Match: *` only where nothing is.
         */
        put: operations["putAgentsIdFilesContent"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/files/directories": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a directory. */
        post: operations["postAgentsIdFilesDirectories"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/files/stat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is at a path. */
        get: operations["getAgentsIdFilesStat"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/flow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Lets an agent carry data out although it read what nobody here wrote and has secrets, until it reads something that is
         *     trusted less still.
         */
        post: operations["postAgentsIdFlow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/forks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Forks an agent that is at rest: same files, same conversation, a branch of its own. Its machine is
         *     stopped for a moment, and wakes with its next message as it was.
         */
        post: operations["postAgentsIdForks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/hosts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Allows a host that the agent's environment does not name, within the operator's network mode. */
        post: operations["postAgentsIdHosts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/ports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The ports on which somebody listens. */
        get: operations["getAgentsIdPorts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/ports/{port}/socket": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A connection as a socket of kind `forward`: binary messages are its bytes; an empty one from the
         *     client says that no more comes from there.
         */
        get: operations["getAgentsIdPortsPortSocket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/previews": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A way for one browser into a port inside, on an origin of its own. */
        post: operations["postAgentsIdPreviews"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/pull-requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The agent's pull requests, whole. */
        get: operations["getAgentsIdPullRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/pull-requests/{number}/merge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Merges a pull request kept by Errand into its base branch. */
        post: operations["postAgentsIdPullRequestsNumberMerge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/pull-requests/{number}/stage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Makes a pull request a draft, or says that it is ready. */
        put: operations["putAgentsIdPullRequestsNumberStage"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/pull-requests/{number}/update": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Merges the base of a pull request into its branch. */
        post: operations["postAgentsIdPullRequestsNumberUpdate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/questions/{questionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answers a question that a run waits for. */
        post: operations["postAgentsIdQuestionsQuestionId"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/records": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The agent's records, newest first. */
        get: operations["getAgentsIdRecords"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/records/{commit}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The record of a commit, byte for byte as it was signed. */
        get: operations["getAgentsIdRecordsCommit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/restores": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Puts the files back to how they were at the end of this run, as a run of its own that asks no model:
         *     it ends in a commit on top of what is there. The agent must be at rest.
         */
        post: operations["postAgentsIdRestores"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists runs, newest first. */
        get: operations["getAgentsIdRuns"];
        put?: never;
        /** Sends a message: a run of its own, behind others, or into the active one. */
        post: operations["postAgentsIdRuns"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/runs/{runId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One run. */
        get: operations["getAgentsIdRunsRunId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/runs/{runId}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends a run; the agent takes the next message. */
        post: operations["postAgentsIdRunsRunIdCancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/runs/{runId}/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Streams one run: what happened, then what happens. */
        get: operations["getAgentsIdRunsRunIdStream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/snapshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keeps the agent's machine as it is: new agents of the same repositories begin with it. It takes
         *     place once no run works, and stops the machine for it.
         */
        post: operations["postAgentsIdSnapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/ssh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An SSH connection as a socket of kind `ssh`: binary messages are its bytes. */
        get: operations["getAgentsIdSsh"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** CPU, memory, processes and disk of the machine. */
        get: operations["getAgentsIdStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/stops": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lets pushes carry what stopped one, from the next run on. */
        post: operations["postAgentsIdStops"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/terminals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The terminals that people opened. */
        get: operations["getAgentsIdTerminals"];
        put?: never;
        /** Opens a terminal, or answers the one of this name. */
        post: operations["postAgentsIdTerminals"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/terminals/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends a terminal and what runs in it. */
        delete: operations["deleteAgentsIdTerminalsName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/terminals/{name}/socket": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The terminal itself, as a socket of kind `terminal`: binary messages are its bytes. */
        get: operations["getAgentsIdTerminalsNameSocket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/traffic": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What left the agent's sandboxes, by run and in all. */
        get: operations["getAgentsIdTraffic"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/unarchive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes messages again; idempotent. */
        post: operations["postAgentsIdUnarchive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tokens and money, in sum and per run. */
        get: operations["getAgentsIdUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/wake": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Wakes the machine. It sleeps again when nothing happens in it for the idle time. */
        post: operations["postAgentsIdWake"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/worktree": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The files of each repository as they are now; of an agent whose machine is asleep, as they were saved. */
        post: operations["postAgentsIdWorktree"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/agents/{id}/worktree/pack": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Objects as a git pack, without those that are there already. */
        post: operations["postAgentsIdWorktreePack"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists keys, without tokens. */
        get: operations["getApiKeys"];
        put?: never;
        /** Makes a key; its token is shown this once. */
        post: operations["postApiKeys"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revokes a key at once. */
        delete: operations["deleteApiKeysId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The audit log, newest first. */
        get: operations["getAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole log, oldest first, a JSON object a line; `errand audit verify` checks it. */
        get: operations["getAuditExport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/audit/head": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The end of the log: note it elsewhere. */
        get: operations["getAuditHead"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/builds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All builds, those of one environment together, newest first. */
        get: operations["getBuilds"];
        put?: never;
        /** Builds a machine for these repositories, from their default branches or the refs named. */
        post: operations["postBuilds"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/builds/{layer}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forgets a build; agents that began with it go on as they are. */
        delete: operations["deleteBuildsLayer"];
        options?: never;
        head?: never;
        /** Pins a build, or lets the newest one be begun with again. */
        patch: operations["patchBuildsLayer"];
        trace?: never;
    };
    "/v1/builds/{layer}/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a build brings that runs by itself, beside the build before it. */
        get: operations["getBuildsLayerChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/builds/{layer}/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The build as a file that another server takes in: its disk with all that lies below it. */
        get: operations["getBuildsLayerFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/builds/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes in a build that another server exported; new agents of its repositories begin with it. */
        post: operations["postBuildsFile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/doctor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What this host gives sandboxes, point by point. */
        get: operations["getDoctor"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/downloads/{blob}/{expires}/{right}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The bytes behind a link; no key is asked for, the link is the right. */
        get: operations["getDownloadsBlobExpiresRight"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All of them, by name, without their texts. */
        get: operations["getEnvironments"];
        put?: never;
        /** Saves an environment: agents of its repositories use it where the repository has no environment file. */
        post: operations["postEnvironments"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One with its text. */
        get: operations["getEnvironmentsId"];
        /** Replaces one, unless somebody else did meanwhile; agents that began keep what they began with. */
        put: operations["putEnvironmentsId"];
        post?: never;
        /** Forgets one with its versions. */
        delete: operations["deleteEnvironmentsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments/{id}/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The secrets of a saved environment, without their values. */
        get: operations["getEnvironmentsIdSecrets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments/{id}/secrets/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A secret of a saved environment, without its value. */
        get: operations["getEnvironmentsIdSecretsName"];
        /** Adds a secret of a saved environment, for agents of its repositories, or gives one another value. */
        put: operations["putEnvironmentsIdSecretsName"];
        post?: never;
        /** Removes a secret of a saved environment; agents have it no more from their next message on. */
        delete: operations["deleteEnvironmentsIdSecretsName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments/{id}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Its versions, newest first, without their texts. */
        get: operations["getEnvironmentsIdVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments/{id}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One version with its text. */
        get: operations["getEnvironmentsIdVersionsVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments/{id}/versions/{version}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives it the text of an earlier version again, as a new version. */
        post: operations["postEnvironmentsIdVersionsVersionRestore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/environments/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what is wrong with a text, and changes nothing. */
        post: operations["postEnvironmentsCheck"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/forges": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Hosts that are connected, without their credentials. */
        get: operations["getForges"];
        put?: never;
        /** Connects a host, or enters another credential for one that is connected. The host is asked first. */
        post: operations["postForges"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/forges/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forgets a host and its credential. Its repositories are then reached as any other git remote. */
        delete: operations["deleteForgesId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/forges/{id}/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Asks the host again whose credential it is. */
        post: operations["postForgesIdCheck"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/forges/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What became of the last deliveries of a host since the server started, newest first. */
        get: operations["getForgesIdDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/forges/{id}/triggers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Says what people may ask for at a host. */
        put: operations["putForgesIdTriggers"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/forges/{id}/webhook": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is entered at the host so that people can ask for agents there: of one repository, or of all. */
        get: operations["getForgesIdWebhook"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Opens the live socket. */
        get: operations["getLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who calls. */
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The models a run may choose. */
        get: operations["getModels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/network": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far agents may reach, and what keeps it from being farther. */
        get: operations["getNetwork"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/repositories": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Repositories that connected hosts open, and those that agents have worked in. */
        get: operations["getRepositories"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's own secrets, those of saved environments and of the team, without their values. */
        get: operations["getSecrets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/secrets/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A secret of one's own, without its value. */
        get: operations["getSecretsName"];
        /** Adds a secret of one's own, for the agents that one opens, or gives one another value. */
        put: operations["putSecretsName"];
        post?: never;
        /** Removes a secret of one's own; agents have it no more from their next message on. */
        delete: operations["deleteSecretsName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/server": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Version, addresses and features. */
        get: operations["getServer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in. */
        get: operations["getSession"];
        put?: never;
        /** Signs a browser in with a key or a code; the answer sets a cookie. */
        post: operations["postSession"];
        /** Signs out: the session ends, and what it has open. */
        delete: operations["deleteSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session/codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A code that signs a browser in once, for 60 seconds. */
        post: operations["postSessionCodes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The settings. */
        get: operations["getSettings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes them at once, for new agents; how far agents may reach also for those that are there. */
        patch: operations["patchSettings"];
        trace?: never;
    };
    "/v1/signing-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The public halves of all keys, newest first. */
        get: operations["getSigningKeys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/signing-keys/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a new key, which signs from now on. */
        post: operations["postSigningKeysRotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/team/aws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The external id, the trust policy to paste, and what became of the last request for a role. */
        get: operations["getTeamAws"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/team/aws/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Has the server act under the team's role once; what became of it is in the answer. */
        post: operations["postTeamAwsCheck"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/team/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The secrets of the team, without their values. */
        get: operations["getTeamSecrets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/team/secrets/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A secret of the team, without its value. */
        get: operations["getTeamSecretsName"];
        /** Adds a secret of the team, for all agents, or gives one another value. */
        put: operations["putTeamSecretsName"];
        post?: never;
        /** Removes a secret of the team; agents have it no more from their next message on. */
        delete: operations["deleteTeamSecretsName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tickets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A ticket that opens one socket, for 30 seconds. */
        post: operations["postTickets"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begins an upload. */
        post: operations["postUploads"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far an upload is; the next piece begins at `offset`. */
        get: operations["getUploadsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Takes the next piece, of at most 8 MiB. */
        patch: operations["patchUploadsId"];
        trace?: never;
    };
    "/v1/vault": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The keys, and how far a change to the newest one is. */
        get: operations["getVault"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/vault/older-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Removes older keys that no value needs any more. */
        delete: operations["deleteVaultOlderKeys"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/vault/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a new key, and begins to wrap all values with it. */
        post: operations["postVaultRotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An agent, whole. */
        Agent: {
            /** @description Opens a pull request by itself. */
            autoCreatePR: boolean;
            /** @description The branch it works on; none without a repository. */
            branchName?: string | null;
            /** @description What configures it, a repository each, as soon as that was read. Older servers do not tell. */
            configurations?: components["schemas"]["ConfigurationBody"][];
            /** @description ISO 8601. */
            createdAt: string;
            /** @description Where it runs. */
            env: components["schemas"]["EnvChoice"];
            /** @description Names of its variables. */
            envVarNames: string[];
            /** @description What it has read, which secrets it had, and where it could carry data. Older servers do not tell. */
            flow?: components["schemas"]["FlowBody"];
            /** @description `bc-<uuid>`. */
            id: string;
            /** @description Its newest run. */
            latestRunId: string;
            /** @description Status of that run. */
            latestRunStatus: string;
            /** @description Free text of the caller. */
            metadata: {
                [key: string]: string;
            };
            /** @description Mode of runs that name none. */
            mode: components["schemas"]["Mode"];
            /** @description Model of runs that name none. */
            model: components["schemas"]["ModelChoice"];
            /** @description 1–100 characters. */
            name: string;
            /** @description Who opened it: the name of a key. Older servers do not tell. */
            openedBy?: string;
            /** @description Its pull requests. */
            pullRequests: components["schemas"]["PullRequestLink"][];
            question?: components["schemas"]["QuestionBody"] | null;
            /**
             * Format: int32
             * @description Runs waiting behind the active one.
             */
            queuedRuns: number;
            /** @description Its repositories. */
            repos: components["schemas"]["RepoBody"][];
            /** @description Its machine. */
            sandbox: components["schemas"]["SandboxBody"];
            /**
             * Format: int64
             * @description Position of its newest event.
             */
            seq: number;
            /** @description Asks nobody for a review. */
            skipReviewerRequest: boolean;
            /** @description `ACTIVE`, `IDLE` or `ARCHIVED`. */
            status: string;
            /** @description What stopped its newest push. Older servers do not tell. */
            stops?: components["schemas"]["StopBody"][];
            /** @description ISO 8601. */
            updatedAt: string;
            /** @description Where people look at it. */
            url: string;
            /** @description What it has used. */
            usage: components["schemas"]["UsageBody"];
            /** @description Pushes to the starting ref. */
            workOnCurrentBranch: boolean;
        };
        /** @description `GET /v1/agents/{id}/traffic`. */
        AgentTraffic: {
            /** @description By run, newest first. */
            runs: components["schemas"]["RunTraffic"][];
            /** @description In all. */
            total: components["schemas"]["Traffic"];
        };
        /** @description `GET /v1/agents/{id}/usage`. */
        AgentUsage: {
            /** @description Money of all of them. */
            cost: components["schemas"]["CostBody"];
            /** @description Per run. */
            runs: components["schemas"]["RunUsage"][];
            /** @description Of all runs asked for. */
            totalUsage: components["schemas"]["UsageBody"];
        };
        /** @description `POST /v1/agents/{id}/configuration`. */
        AllowConfiguration: {
            /** @description What was looked at: the digest that the agent shows. */
            digest: string;
        };
        /** @description A host that agents may reach. */
        AllowedHost: {
            /** @description An entry of an allow-list: `api.example.com`, `GET https://api.example.com/v1/*`, `db.example.com:5432`. */
            entry: string;
            /** @description Only agents of this repository; absent: all. */
            repository?: string | null;
        };
        /** @description `POST /v1/agents/{id}/flow`. */
        AllowFlow: {
            /** @description What was looked at: the integrity that the agent shows. */
            integrity: components["schemas"]["Integrity"];
        };
        /** @description `POST /v1/agents/{id}/hosts`. */
        AllowHost: {
            /** @description An entry of an allow-list: `api.example.com`, `GET https://api.example.com/v1/*`, `db.example.com:5432`. */
            entry: string;
            /** @description For how long. */
            scope?: components["schemas"]["AllowScope"];
        };
        /**
         * @description For how long a host is allowed.
         * @enum {string}
         */
        AllowScope: "run" | "agent" | "environment";
        /** @description `POST /v1/agents/{id}/stops`. */
        AllowStop: {
            /** @description What is let through: the mark that the agent shows. */
            mark: string;
            /** @description Why, for whoever reads the audit log and the pull request. */
            reason: string;
        };
        /** @description `POST /v1/agents/{id}/questions/{questionId}`. */
        AnswerQuestion: {
            /** @description One of the options, or free text. */
            answer: string;
        };
        /** @description `GET /v1/api-keys` and its `POST` answer. */
        ApiKeyBody: {
            /** @description ISO 8601. */
            createdAt: string;
            /** @description What revoking takes. */
            id: string;
            /** @description Its name. */
            name: string;
            /** @description Only in the answer that makes it. */
            token?: string | null;
        };
        /** @description One artifact of `GET /v1/agents/{id}/artifacts`. */
        Artifact: {
            /** @description `artifacts/…`. */
            path: string;
            /**
             * Format: int64
             * @description In bytes.
             */
            sizeBytes: number;
            /** @description ISO 8601. */
            updatedAt: string;
        };
        /** @description `GET /v1/agents/{id}/artifacts/download?path=…`. */
        ArtifactLink: {
            /** @description ISO 8601, 15 minutes from now. */
            expiresAt: string;
            /** @description Carries its own right; no header needed. */
            url: string;
        };
        /** @description The end of the audit log. Noted elsewhere, it shows later that nothing before it was changed or taken away. */
        AuditHeadBody: {
            /** @description Its hash. */
            hash: string;
            /** @description Both as `errand audit verify --head` takes them. */
            head: string;
            /**
             * Format: int64
             * @description The last record; 0: there is none.
             */
            seq: number;
        };
        /** @description One record of the audit log. */
        AuditRecord: {
            /** @description Of which agent. */
            agentId?: string | null;
            /** @description ISO 8601. */
            at: string;
            /** @description More, by kind; `event` is the place and hash of an event in the agent's own log. */
            details: {
                [key: string]: unknown;
            };
            /** @description Covers this record and all before it. */
            hash: string;
            /** @description What: noun and verb with a dot between, `secret.set`. */
            kind: string;
            /** @description In which run. */
            runId?: string | null;
            /**
             * Format: int64
             * @description Its number, dense from 1.
             */
            seq: number;
            /** @description What it was done to: the id of a secret or key, a host. */
            subject?: string | null;
            /** @description Who: `key:` and the key's name, `agent`, or `server`. */
            who: string;
        };
        /** @description What became of asking AWS for a role. */
        AwsAsked: {
            /** @description When. */
            at: string;
            /** @description Why it was refused or failed; none: it was given. */
            error?: string | null;
            /** @description The role. */
            role: string;
        };
        /** @description How agents act under a role of AWS. */
        AwsBody: {
            /** @description The server has credentials of its own at AWS, by which it acts under roles. */
            configured: boolean;
            /** @description What the trust policy asks for, so that nobody else can have this server act under the role. */
            externalId: string;
            last?: components["schemas"]["AwsAsked"] | null;
            /** @description The same for a role that the caller keeps as a secret of their own. */
            ownExternalId: string;
            /** @description Who the server is at AWS: whom the role's trust policy names. None where AWS could not be asked. */
            principal?: string | null;
            /** @description Why AWS could not be asked who the server is. */
            problem?: string | null;
            /** @description The team's role, if it has one. */
            role?: string | null;
            /** @description The trust policy to paste, as JSON. */
            trustPolicy: string;
        };
        /** @description The browser inside a machine. */
        Browser: {
            /** @description Whether the sandbox has one that could be started. */
            available: boolean;
            /** @description Whether it runs. */
            running: boolean;
            /** @description Its title. */
            title?: string | null;
            /** @description Address of the page that is shown, while somebody looks. */
            url?: string | null;
            /**
             * Format: int32
             * @description How many look at it.
             */
            viewers: number;
            /** @description Who controls it, if anybody does. */
            writer?: string | null;
        };
        /** @description A build, or a machine that a person set up and kept. */
        BuildBody: {
            /**
             * Format: int64
             * @description Space it takes.
             */
            bytes: number;
            /** @description Commits that are checked out, in the order of the repositories. */
            commits: string[];
            /** @description ISO 8601. */
            createdAt: string;
            /** @description New agents of these repositories begin with it. */
            current: boolean;
            environment?: components["schemas"]["BuildEnvironment"] | null;
            failure?: components["schemas"]["Failure"] | null;
            /**
             * Format: int64
             * @description Files it holds.
             */
            files: number;
            /**
             * @description Id of the agent that built it, whose events are its log; of a kept machine, whose it was. One
             *     that was imported has an id of its own and no agent.
             */
            id: string;
            /** @description The image below it that its environment file asked for. */
            image?: string | null;
            /** @description What it left, which new agents begin with. */
            layer: string;
            /** @description `automatic`, `asked`, `kept` or `imported`. */
            origin: string;
            /** @description It stays the one they begin with. */
            pinned: boolean;
            /** @description ISO 8601; absent: it is not ready. */
            readyAt?: string | null;
            /** @description URLs of the repositories. */
            repos: string[];
            /** @description `RUNNING`, `READY` or `FAILED`. */
            status: string;
        };
        /** @description A program where programs are looked for, or what shells, git and others read when they start. */
        BuildChange: {
            /** @description `added`, `changed` or `removed`. */
            change: string;
            /** @description `startup`, `knownProgram` or `program`. */
            kind: string;
            /** @description The file, as it is inside. */
            path: string;
        };
        /** @description What a build brings that runs although nobody calls it by its path. */
        BuildChanges: {
            /** @description Id of the build before it, beside which it is seen; absent: all that is on its disk is told. */
            beside?: string | null;
            /** @description What is read at a start first, then programs that everybody calls, then others. */
            items: components["schemas"]["BuildChange"][];
            /** @description Nothing was left out; 2,000 programs and 2,000 of the others are told of each build. */
            whole: boolean;
        };
        /** @description The saved environment that a build followed. */
        BuildEnvironment: {
            /** @description Its id. */
            id: string;
            /** @description What it was called. */
            name: string;
            /**
             * Format: int64
             * @description Which version.
             */
            version: number;
        };
        /** @description `POST /v1/environments/check`. */
        CheckEnvironment: {
            /** @description The text, as `.errand/environment.json` would have it. */
            environmentJson: string;
        };
        /** @description Words of the answer that no command bears out. */
        ClaimBody: {
            /** @description The agent's words. */
            text: string;
            /** @description Why they are struck through. */
            why: string;
        };
        /** @description A command and how it ended. */
        CommandBody: {
            /** @description Who says so. */
            by: components["schemas"]["CommandBy"];
            /** @description As it was run. */
            command: string;
            /**
             * Format: int64
             * @description How long it took.
             */
            durationMs: number;
            /**
             * Format: int32
             * @description How it ended; none where it was stopped or lost.
             */
            exitCode?: number | null;
        };
        /**
         * @description Who says how a command ended.
         * @enum {string}
         */
        CommandBy: "sandbox" | "errand";
        /** @description One commit of the branch. */
        CommitBody: {
            /** @description ISO 8601. */
            authoredAt: string;
            /** @description Full id. */
            id: string;
            /** @description How many parents it has. */
            parents: string[];
            /** @description First line of the message. */
            subject: string;
        };
        /** @description What configures an agent in one of its repositories. */
        ConfigurationBody: {
            /** @description Names the environment file, its Dockerfile and the instructions at the starting commit. */
            digest: string;
            /** @description The agent is without credentials until a person allows it. */
            isWithheld: boolean;
            /** @description The repository. */
            repoUrl: string;
            /** @description Why it is trusted, or that it is not. */
            trust: components["schemas"]["ConfigurationTrust"];
        };
        /**
         * @description Whether what a repository says of its agents is the repository's own word.
         * @enum {string}
         */
        ConfigurationTrust: "default_branch" | "named_branch" | "unchanged" | "changed" | "stranger";
        /** @description A host to connect, with the credential for it. */
        ConnectForge: {
            /** @description Number or client id of a GitHub App, in place of a token. */
            appId?: string | null;
            /** @description The mail address that goes with a person's token at Bitbucket. */
            email?: string | null;
            /** @description Which words it speaks: `github`, `gitlab`, `gitea` (Forgejo, too) or `bitbucket`. */
            kind: string;
            /** @description The App's private key in PEM form. */
            privateKey?: string | null;
            /** @description A token: of a person, or of a project, group or workspace. */
            token?: string | null;
            /** @description Where its pages are; none: the public one of that kind. */
            url?: string | null;
        };
        /** @description Money in cents. */
        CostBody: {
            /**
             * Format: double
             * @description The same: Errand charges nothing.
             */
            chargedCents: number;
            /**
             * Format: double
             * @description At the configured prices.
             */
            rawCostCents: number;
        };
        /** @description `POST /v1/agents`. */
        CreateAgent: {
            /** @description Chosen by the client: `bc-<uuid>`; makes the create idempotent. */
            agentId?: string | null;
            /** @description Accepted for compatibility. */
            agentServeAgent?: boolean | null;
            /** @description Open a pull request after the first verified push. */
            autoCreatePR?: boolean | null;
            /** @description The branch to work on; omitted: `errand/<slug>-<suffix>`. */
            branchName?: string | null;
            /** @description Subagents; a non-empty list is refused until they are supported. */
            customSubagents?: unknown[] | null;
            /** @description Open it as a draft. */
            draftPR?: boolean | null;
            env?: components["schemas"]["EnvChoice"] | null;
            /** @description Variables for the sandbox, at most 50; values are sealed. */
            envVars?: {
                [key: string]: string;
            } | null;
            /** @description Labels for the pull request, at most 20. */
            labels?: string[] | null;
            limits?: components["schemas"]["LimitsBody"] | null;
            /** @description MCP servers; a non-empty list is refused until they are supported. */
            mcpServers?: unknown[] | null;
            /** @description Free text of the caller. */
            metadata?: {
                [key: string]: string;
            } | null;
            mode?: components["schemas"]["Mode"] | null;
            model?: components["schemas"]["ModelChoice"] | null;
            /** @description 1–100 characters; omitted: derived from the prompt. */
            name?: string | null;
            /** @description Accepted for compatibility: pull requests are opened by the connection's own identity. */
            openAsCursorGithubApp?: boolean | null;
            /** @description The first message. */
            prompt: components["schemas"]["Prompt"];
            /** @description At most 20. */
            repos?: components["schemas"]["RepoBody"][];
            /** @description Who is asked for a review, by their names on the host; at most 15. */
            reviewers?: string[] | null;
            /** @description Variables of the first run; treated as `envVars`. */
            runEnvVars?: {
                [key: string]: string;
            } | null;
            /** @description Ask nobody for a review. */
            skipReviewerRequest?: boolean | null;
            /**
             * @description Shell texts that run one after the other each time the machine comes up, before `install` of the
             *     environment file: at most 20 of 500 characters; omitted: those of the settings.
             */
            startupCommands?: string[] | null;
            /** @description Push straight to the starting ref. */
            workOnCurrentBranch?: boolean | null;
        };
        /** @description `POST /v1/api-keys`. */
        CreateApiKey: {
            /** @description 1–100 characters. */
            name: string;
        };
        /** @description `POST /v1/builds`. */
        CreateBuild: {
            /** @description The repositories, as agents name them and in the same order. */
            repos: components["schemas"]["RepoBody"][];
        };
        /** @description Answer to `POST /v1/agents`. */
        CreatedAgent: {
            /** @description The agent, with `latestRunId`. */
            agent: components["schemas"]["Agent"];
            /** @description Its first run. */
            run: components["schemas"]["Run"];
        };
        /** @description Answer to `POST /v1/agents/{id}/runs`. */
        CreatedRun: {
            /** @description The run that took the message. */
            run: components["schemas"]["Run"];
            /** @description The message was put into this active run instead of starting one. */
            steered?: boolean;
        };
        /** @description `POST /v1/environments`. */
        CreateEnvironment: {
            /** @description The text, as `.errand/environment.json` would have it. */
            environmentJson: string;
            /** @description 1–100 characters on one line; no two environments have the same, whatever the case. */
            name: string;
            /** @description Whose it is. Only `team` is known: it holds for everybody's agents. */
            owner?: string | null;
            /**
             * @description The repositories it is for, at most 20, none of them another environment's. May be empty: then no
             *     agent uses it yet.
             */
            repos?: components["schemas"]["EnvironmentRepo"][];
        };
        /** @description `POST /v1/agents/{id}/forks`. */
        CreateFork: {
            /** @description Open a pull request; omitted: as the agent that is forked. */
            autoCreatePR?: boolean | null;
            /** @description The branch to work on; omitted: `errand/<slug>-<suffix>`. */
            branchName?: string | null;
            model?: components["schemas"]["ModelChoice"] | null;
            /** @description 1–100 characters; omitted: derived from the prompt. */
            name?: string | null;
            /** @description The first message to the new agent. */
            prompt: components["schemas"]["Prompt"];
            /** @description Go on from the end of this run; omitted: of the newest one. */
            runId?: string | null;
        };
        /** @description `POST /v1/agents/{id}/previews` */
        CreatePreview: {
            /**
             * Format: int32
             * @description The port inside.
             */
            port: number;
        };
        /** @description `POST /v1/agents/{id}/restores`. */
        CreateRestore: {
            /** @description The run at whose end the files were as they shall be. */
            runId: string;
        };
        /** @description `POST /v1/agents/{id}/runs`. */
        CreateRun: {
            /** @description Variables from this run on. */
            envVars?: {
                [key: string]: string;
            } | null;
            /** @description MCP servers; a non-empty list is refused until they are supported. */
            mcpServers?: unknown[] | null;
            mode?: components["schemas"]["Mode"] | null;
            model?: components["schemas"]["ModelChoice"] | null;
            /** @description The message. */
            prompt: components["schemas"]["Prompt"];
            /** @description Chosen by the client: `run-<uuid>`; makes the call idempotent. */
            runId?: string | null;
            whenBusy?: components["schemas"]["WhenBusy"] | null;
        };
        /** @description How a machine is kept; may be left out. */
        CreateSnapshot: {
            /**
             * @description Keep it although values of the agent's secret variables lie on its disk.
             * @default false
             */
            withSecrets: boolean;
        };
        /** @description `POST /v1/tickets`: no fields yet. */
        CreateTicket: Record<string, never>;
        /** @description `POST /v1/uploads`. */
        CreateUpload: {
            /** @description BLAKE3 digest of them, 64 hexadecimal digits. */
            blake3: string;
            /**
             * Format: int64
             * @description How many bytes will come.
             */
            bytes: number;
        };
        /** @description What was refused, one kind of it. */
        Denials: {
            /** @description Why: a stable code. */
            code: string;
            /**
             * Format: int64
             * @description How often.
             */
            count: number;
            /** @description The host that was asked for. */
            host: string;
            /** @description ISO 8601, of the last time. */
            lastAt: string;
            /**
             * Format: int64
             * @description Its port.
             */
            port: number;
        };
        /** @description Refused connections. */
        DenialsBody: {
            /**
             * Format: int32
             * @description How many.
             */
            count: number;
            /** @description To which hosts, the most often refused first. */
            hosts: string[];
            /**
             * Format: int32
             * @description Hosts that are left out here.
             */
            moreHosts?: number;
        };
        /** @description `GET /v1/agents/{id}/diff`. */
        DiffBody: {
            /** @description One entry a repository. */
            repos: components["schemas"]["RepoDiff"][];
        };
        /** @description A diff, counted. */
        DiffStat: {
            /**
             * Format: int64
             * @description Lines added.
             */
            additions: number;
            /**
             * Format: int64
             * @description Lines removed.
             */
            deletions: number;
            /**
             * Format: int32
             * @description Files that differ.
             */
            files: number;
        };
        /** @description Size of an image in pixels. */
        Dimension: {
            /**
             * Format: int32
             * @description At least 1.
             */
            height: number;
            /**
             * Format: int32
             * @description At least 1.
             */
            width: number;
        };
        /** @description `GET /v1/doctor`. */
        DoctorBody: {
            /** @description Every point checked. */
            checks: components["schemas"]["DoctorCheck"][];
        };
        /** @description One point that was checked. */
        DoctorCheck: {
            /** @description What was found, what it protects from, how to improve it. */
            detail: string;
            /** @description What was checked. */
            name: string;
            /** @description `ok`, `reduced` or `missing`. */
            state: string;
        };
        /** @description Where an agent runs. */
        EnvChoice: {
            /** @description Which pool, machine or environment. */
            name?: string | null;
            /** @description `cloud`, `pool` or `machine`. */
            type: string;
        };
        /** @description A record as it is kept and given away. */
        Envelope: {
            /** @description The statement's JSON in base64. */
            payload: string;
            /** @description [`PAYLOAD_TYPE`]. */
            payloadType: string;
            /** @description One. */
            signatures: components["schemas"]["EnvelopeSignature"][];
        };
        /** @description By whom. */
        EnvelopeSignature: {
            /** @description The key's fingerprint, as ssh shows it. */
            keyid: string;
            /** @description Ed25519 over DSSE's encoding of type and payload, in base64. */
            sig: string;
        };
        /** @description A saved environment. */
        EnvironmentBody: {
            /** @description ISO 8601. */
            createdAt: string;
            /** @description The text; absent in lists. */
            environmentJson?: string | null;
            /** @description A plain uuid. */
            id: string;
            /** @description For people. */
            name: string;
            /** @description `team`. */
            owner: string;
            /** @description The repositories it is for. */
            repos: components["schemas"]["EnvironmentRepo"][];
            /** @description ISO 8601. */
            updatedAt: string;
            /** @description Name of the key that changed it last. */
            updatedBy: string;
            /**
             * Format: int64
             * @description Of its newest version, from 1; rises with every change.
             */
            version: number;
            /** @description What does not keep it from being used; absent in lists. */
            warnings?: components["schemas"]["EnvironmentRemark"][];
        };
        /** @description What is wrong with a text. */
        EnvironmentCheck: {
            /** @description Nothing keeps it from being used. */
            ok: boolean;
            /** @description What keeps it from being used. */
            problems: components["schemas"]["EnvironmentRemark"][];
            /** @description What does not. */
            warnings: components["schemas"]["EnvironmentRemark"][];
        };
        /** @description Something about a text: where, and what to do. */
        EnvironmentRemark: {
            /** @description Stable, snake case. */
            code: string;
            /** @description In characters, from 1. */
            column: number;
            /** @description Path of the key, as in `terminals[0].command`; empty for the whole text. */
            key: string;
            /** @description From 1. */
            line: number;
            /** @description What is wrong and what to do. */
            message: string;
        };
        /** @description A repository that an environment is for. */
        EnvironmentRepo: {
            /** @description Its URL, in any of the forms that agents take; `.git` at its end and the scheme tell none apart. */
            url: string;
        };
        /** @description One version of a saved environment. */
        EnvironmentVersion: {
            /** @description ISO 8601. */
            createdAt: string;
            /** @description Name of the key that made it. */
            createdBy: string;
            /** @description It is what agents use. */
            current: boolean;
            /** @description The text; absent in lists. */
            environmentJson?: string | null;
            /** @description Its name then. */
            name: string;
            /** @description `created`, `changed` or `restored`. */
            origin: string;
            /** @description The repositories it was for then. */
            repos: components["schemas"]["EnvironmentRepo"][];
            /**
             * Format: int64
             * @description The version whose text it has again.
             */
            restoredFrom?: number | null;
            /**
             * Format: int64
             * @description From 1.
             */
            version: number;
        };
        /** @description The envelope of every error. */
        ErrorBody: {
            /** @description The error itself. */
            error: components["schemas"]["ErrorDetail"];
        };
        /** @description What went wrong with a request. */
        ErrorDetail: {
            /** @description Stable, snake case. */
            code: string;
            /** @description Where to read more. */
            helpUrl?: string | null;
            /** @description Plain words: names the field and what to do. */
            message: string;
            /** @description The integration concerned. */
            provider?: string | null;
        };
        /** @description One event of the log as the API shows it. */
        EventBody: {
            /** @description ISO 8601. */
            at: string;
            /** @description The event, tagged by `type`. */
            event: unknown;
            /** @description Hash of this event, chained over the one before (blake3, hex). */
            hash: string;
            /**
             * Format: int64
             * @description Dense from 1.
             */
            seq: number;
        };
        /** @description `GET /v1/agents/{id}/events?after=N` or `?before=N`. */
        EventsBody: {
            /** @description Oldest first. */
            items: components["schemas"]["EventBody"][];
            /**
             * Format: int64
             * @description Pass it as `after` for more; absent when these were all.
             */
            nextAfter?: number | null;
            /**
             * Format: int64
             * @description Reading backwards: pass it as `before` for older ones; absent when there are none.
             */
            nextBefore?: number | null;
        };
        /** @description What there is to show for a pull request, from Errand's own log. */
        EvidenceBody: {
            /** @description Commands that ran after the last edit, the newest last. */
            commands: components["schemas"]["CommandBody"][];
            /**
             * Format: int64
             * @description Money in millionths of a dollar, where prices are known.
             */
            costMicros?: number | null;
            /** @description Connections out of the sandbox that were refused. */
            denials: components["schemas"]["DenialsBody"];
            /**
             * Format: int64
             * @description From the first event to the last.
             */
            durationMs: number;
            /** @description What people allowed that was not allowed by itself. */
            exceptions: components["schemas"]["ExceptionBody"][];
            /** @description What people did beside the first task. */
            interventions: components["schemas"]["InterventionBody"][];
            /**
             * Format: int32
             * @description Earlier ones of them that are left out here.
             */
            moreCommands?: number;
            /** @description Names of the secrets whose values the sandbox has in plain text. */
            plainSecrets: string[];
            /** @description What the agent's answer claims and no command shows. */
            unproven: components["schemas"]["ClaimBody"][];
        };
        /** @description Something that a person allowed. */
        ExceptionBody: {
            /** @description Who. */
            by: string;
            /** @description Why, where they had to say it. */
            reason?: string | null;
            /** @description What, in words. */
            what: string;
        };
        /** @description One part of a score: the alarms of one rule. */
        FactorBody: {
            /**
             * Format: int32
             * @description How often it was found.
             */
            count: number;
            /**
             * Format: int32
             * @description What it adds.
             */
            points: number;
            /** @description The rule. */
            rule: string;
        };
        /** @description Why a run ended `ERROR`: a stable code, plain words with what to do, and the phase. */
        Failure: {
            /** @description Stable, snake case, for programs. */
            code: string;
            /** @description Plain words: what happened and what to do. */
            message: string;
            /** @description Where it happened. */
            phase: components["schemas"]["Phase"];
        };
        /** @description One file of a diff. */
        FileDiff: {
            /**
             * Format: int64
             * @description Lines added.
             */
            additions: number;
            /** @description Content is not text. */
            binary: boolean;
            /**
             * Format: int64
             * @description Lines removed.
             */
            deletions: number;
            /** @description Mode now; none for a deleted file. */
            newMode?: string | null;
            /** @description Mode before, as git spells it; none for a new file. */
            oldMode?: string | null;
            /** @description Path before, when renamed or copied. */
            oldPath?: string | null;
            /** @description The hunks as unified text; empty for binary files. */
            patch: string;
            /** @description Path now (or before, when deleted). */
            path: string;
            /** @description `added`, `deleted`, `modified`, `renamed`, `copied` or `type_changed`. */
            status: string;
        };
        /** @description Something in a directory inside. */
        FileEntry: {
            /** @description What it is. */
            kind: components["schemas"]["FileKind"];
            /** @description The last part of it. */
            name: string;
            /** @description Absolute. */
            path: string;
            /**
             * Format: int64
             * @description Bytes, for a file.
             */
            size: number;
        };
        /**
         * @description What something in a directory is.
         * @enum {string}
         */
        FileKind: "file" | "directory" | "link" | "other";
        /** @description A directory inside. */
        FileList: {
            /** @description Sorted by name. */
            items: components["schemas"]["FileEntry"][];
            /** @description Some were left out. */
            more: boolean;
        };
        /** @description What is at a path inside; of a link the link itself. */
        FileStat: {
            /** @description As `GET …/files/content` gives it. */
            etag: string;
            /** @description What it is. */
            kind: components["schemas"]["FileKind"];
            /**
             * Format: int32
             * @description Permission bits.
             */
            mode: number;
            /** @description ISO 8601. */
            modifiedAt: string;
            /** @description The last part of it. */
            name: string;
            /** @description Absolute. */
            path: string;
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
            /** @description Where a link points. */
            target?: string | null;
        };
        /** @description A file that was written. */
        FileWritten: {
            /** @description Nothing was there before. */
            created: boolean;
            /** @description For the next `If-Match`. */
            etag: string;
            /** @description Absolute. */
            path: string;
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
        };
        /** @description One risk that was seen in a diff. */
        FindingBody: {
            /** @description What it is about: `executes`, `dependencies`, `permissions`, `tests`, `opaque`, `size`, `ownership`. */
            family: string;
            /**
             * Format: int32
             * @description The line, from 1, where it is in one.
             */
            line?: number | null;
            /** @description The file, where it is in one. */
            path?: string | null;
            /** @description Stable name of the rule. */
            rule: string;
            /** @description How loud it is. */
            severity: components["schemas"]["FindingSeverity"];
            /** @description On which side of the diff the line is. */
            side?: components["schemas"]["FindingSide"];
            /** @description What it is and what to do. It may quote the diff. */
            why: string;
        };
        /**
         * @description How loud a finding is; all but the first are alarms.
         * @enum {string}
         */
        FindingSeverity: "info" | "notice" | "warning" | "high";
        /**
         * @description A side of a diff.
         * @enum {string}
         */
        FindingSide: "before" | "after";
        /** @description What an agent has read, which secrets it had, and where it could carry data. */
        FlowBody: {
            /** @description Who allowed it, if a person did. */
            allowedBy?: string | null;
            /** @description How far the least trusted text may be trusted that it has read. */
            integrity: components["schemas"]["Integrity"];
            /** @description Where data could be carried, as entries of its allow-list; `any host` for all. */
            outward: string[];
            /** @description What was read first of each kind, in that order. */
            readings: components["schemas"]["Reading"][];
            /** @description Names of the secrets that it has or had. */
            secrets: string[];
            /** @description What comes of these three. */
            state: components["schemas"]["FlowState"];
        };
        /**
         * @description What comes of what an agent read, its secrets and its ways out.
         * @enum {string}
         */
        FlowState: "apart" | "closed" | "waiting" | "allowed" | "recorded";
        /** @description A host that is connected; its credential is never told. */
        ForgeBody: {
            /** @description When the host took the credential last, as far as somebody asked. */
            checkedAt: string;
            /** @description Who entered the credential. */
            connectedBy: string;
            /** @description When it was connected. */
            createdAt: string;
            /** @description What kind of credential it is: `token`, `person` or `app`. */
            credential: string;
            /** @description Its id. */
            id: string;
            /** @description Which words it speaks. */
            kind: string;
            /** @description Whose credential the host says it is. */
            login: string;
            /** @description The number of the app, or the mail address that goes with the token. */
            name?: string | null;
            /** @description Scopes that the host names for it; empty where it names none. */
            scopes: string[];
            /** @description What people may ask for there. */
            triggers: components["schemas"]["TriggersBody"];
            /** @description Where its pages are. */
            url: string;
        };
        /** @description What was pushed. */
        GitBody: {
            /** @description One entry a repository. */
            branches: components["schemas"]["GitBranch"][];
        };
        /** @description A branch, verified on its remote. */
        GitBranch: {
            /** @description The branch. */
            branch?: string | null;
            /** @description The commit the remote showed. */
            commit?: string | null;
            /** @description Its pull request. */
            prUrl?: string | null;
            /** @description Without scheme. */
            repoUrl: string;
        };
        /** @description Uses of one credential at one host. */
        GrantUses: {
            /**
             * Format: int64
             * @description How often.
             */
            count: number;
            /** @description Who was given the value. */
            host: string;
            /** @description ISO 8601, of the last time. */
            lastAt: string;
            /** @description How often by method. */
            methods: {
                [key: string]: number;
            };
            /** @description The name of its variable. */
            name: string;
            /**
             * Format: int64
             * @description Its port.
             */
            port: number;
            /** @description The secret's id. */
            secretId: string;
        };
        /** @description What went to one host. */
        HostTraffic: {
            /**
             * Format: int64
             * @description Bytes from it.
             */
            bytesDown: number;
            /**
             * Format: int64
             * @description Bytes to it.
             */
            bytesUp: number;
            /** @description The host; `*` for all those that were too many to be told apart. */
            host: string;
            /** @description Requests by method; `CONNECT` is a connection that was not opened. */
            methods: {
                [key: string]: number;
            };
            /**
             * Format: int64
             * @description Its port.
             */
            port: number;
            /**
             * Format: int64
             * @description Requests, and connections that were not opened.
             */
            requests: number;
            /** @description Answers by status. */
            statuses: {
                [key: string]: number;
            };
        };
        /** @description The answer to calls that only name what they acted on. */
        IdBody: {
            /** @description The id acted on. */
            id: string;
        };
        /**
         * @description How far the least trusted text may be trusted that an agent has read, from the least.
         * @enum {string}
         */
        Integrity: "web" | "outsider" | "packages" | "repository" | "member";
        /** @description What people did in an agent's work. */
        InterventionBody: {
            /** @description Who. */
            by: string[];
            /**
             * Format: int32
             * @description How often.
             */
            count: number;
            /** @description What. */
            kind: components["schemas"]["InterventionKind"];
        };
        /**
         * @description Kinds of what people do in an agent's work.
         * @enum {string}
         */
        InterventionKind: "follow_up" | "steering" | "answer" | "takeover" | "machine";
        /** @description A list without pages. */
        Items_ApiKeyBody: {
            /** @description All rows. */
            items: {
                /** @description ISO 8601. */
                createdAt: string;
                /** @description What revoking takes. */
                id: string;
                /** @description Its name. */
                name: string;
                /** @description Only in the answer that makes it. */
                token?: string | null;
            }[];
        };
        /** @description A list without pages. */
        Items_Artifact: {
            /** @description All rows. */
            items: {
                /** @description `artifacts/…`. */
                path: string;
                /**
                 * Format: int64
                 * @description In bytes.
                 */
                sizeBytes: number;
                /** @description ISO 8601. */
                updatedAt: string;
            }[];
        };
        /** @description A list without pages. */
        Items_BuildBody: {
            /** @description All rows. */
            items: {
                /**
                 * Format: int64
                 * @description Space it takes.
                 */
                bytes: number;
                /** @description Commits that are checked out, in the order of the repositories. */
                commits: string[];
                /** @description ISO 8601. */
                createdAt: string;
                /** @description New agents of these repositories begin with it. */
                current: boolean;
                environment?: components["schemas"]["BuildEnvironment"] | null;
                failure?: components["schemas"]["Failure"] | null;
                /**
                 * Format: int64
                 * @description Files it holds.
                 */
                files: number;
                /**
                 * @description Id of the agent that built it, whose events are its log; of a kept machine, whose it was. One
                 *     that was imported has an id of its own and no agent.
                 */
                id: string;
                /** @description The image below it that its environment file asked for. */
                image?: string | null;
                /** @description What it left, which new agents begin with. */
                layer: string;
                /** @description `automatic`, `asked`, `kept` or `imported`. */
                origin: string;
                /** @description It stays the one they begin with. */
                pinned: boolean;
                /** @description ISO 8601; absent: it is not ready. */
                readyAt?: string | null;
                /** @description URLs of the repositories. */
                repos: string[];
                /** @description `RUNNING`, `READY` or `FAILED`. */
                status: string;
            }[];
        };
        /** @description A list without pages. */
        Items_EnvironmentBody: {
            /** @description All rows. */
            items: {
                /** @description ISO 8601. */
                createdAt: string;
                /** @description The text; absent in lists. */
                environmentJson?: string | null;
                /** @description A plain uuid. */
                id: string;
                /** @description For people. */
                name: string;
                /** @description `team`. */
                owner: string;
                /** @description The repositories it is for. */
                repos: components["schemas"]["EnvironmentRepo"][];
                /** @description ISO 8601. */
                updatedAt: string;
                /** @description Name of the key that changed it last. */
                updatedBy: string;
                /**
                 * Format: int64
                 * @description Of its newest version, from 1; rises with every change.
                 */
                version: number;
                /** @description What does not keep it from being used; absent in lists. */
                warnings?: components["schemas"]["EnvironmentRemark"][];
            }[];
        };
        /** @description A list without pages. */
        Items_EnvironmentVersion: {
            /** @description All rows. */
            items: {
                /** @description ISO 8601. */
                createdAt: string;
                /** @description Name of the key that made it. */
                createdBy: string;
                /** @description It is what agents use. */
                current: boolean;
                /** @description The text; absent in lists. */
                environmentJson?: string | null;
                /** @description Its name then. */
                name: string;
                /** @description `created`, `changed` or `restored`. */
                origin: string;
                /** @description The repositories it was for then. */
                repos: components["schemas"]["EnvironmentRepo"][];
                /**
                 * Format: int64
                 * @description The version whose text it has again.
                 */
                restoredFrom?: number | null;
                /**
                 * Format: int64
                 * @description From 1.
                 */
                version: number;
            }[];
        };
        /** @description A list without pages. */
        Items_ForgeBody: {
            /** @description All rows. */
            items: {
                /** @description When the host took the credential last, as far as somebody asked. */
                checkedAt: string;
                /** @description Who entered the credential. */
                connectedBy: string;
                /** @description When it was connected. */
                createdAt: string;
                /** @description What kind of credential it is: `token`, `person` or `app`. */
                credential: string;
                /** @description Its id. */
                id: string;
                /** @description Which words it speaks. */
                kind: string;
                /** @description Whose credential the host says it is. */
                login: string;
                /** @description The number of the app, or the mail address that goes with the token. */
                name?: string | null;
                /** @description Scopes that the host names for it; empty where it names none. */
                scopes: string[];
                /** @description What people may ask for there. */
                triggers: components["schemas"]["TriggersBody"];
                /** @description Where its pages are. */
                url: string;
            }[];
        };
        /** @description A list without pages. */
        Items_ModelBody: {
            /** @description All rows. */
            items: {
                /** @description Other ids of the same model. */
                aliases?: string[];
                /** @description What it can do: `images`, `thinking`, `parallel_tools`. */
                capabilities: string[];
                /** @description One sentence. */
                description?: string | null;
                /** @description For people. */
                displayName: string;
                /** @description What `model.id` takes. */
                id: string;
                /** @description Used when a run names no model. */
                isDefault: boolean;
                /** @description What can be chosen. */
                parameters?: components["schemas"]["ModelParameter"][];
            }[];
        };
        /** @description A list without pages. */
        Items_OutcomeBody: {
            /** @description All rows. */
            items: {
                /** @description Whose deed it was, by their name there. */
                actor: string;
                /** @description When this was decided. */
                at: string;
                /** @description The host's name for it. */
                delivery: string;
                /** @description What was done, or why nothing. */
                outcome: string;
                /** @description The repository. */
                repository: string;
            }[];
        };
        /** @description A list without pages. */
        Items_Port: {
            /** @description All rows. */
            items: {
                /** @description The address it is bound to. */
                address: string;
                /** @description What the environment file calls it. */
                name?: string | null;
                /**
                 * Format: int32
                 * @description Its number.
                 */
                port: number;
                /** @description Name of the program, where it can be seen. */
                process?: string | null;
            }[];
        };
        /** @description A list without pages. */
        Items_PullRequestBody: {
            /** @description All rows. */
            items: {
                /** @description Branch it would go to. */
                base: string;
                /**
                 * Format: int64
                 * @description Commits of its base that the branch lacks; missing where that is not known, or of no use any more.
                 */
                behind?: number | null;
                /** @description Markdown. */
                body: string;
                /** @description Head commit. */
                commit: string;
                /** @description What there is to show for it. */
                evidence?: components["schemas"]["EvidenceBody"];
                /** @description Branch with the work. */
                head: string;
                /** @description For reading only yet. */
                isDraft: boolean;
                /** @description Where it is kept: by Errand or by the repository's host. */
                keptBy: components["schemas"]["PullRequestKeeper"];
                /** @description The merge commit, once merged. */
                mergeCommit?: string | null;
                /**
                 * Format: int64
                 * @description Number within the repository.
                 */
                number: number;
                /** @description Why not; what is told then is what Errand itself knows, with the agent's name as title. */
                problem?: string | null;
                /** @description Its repository. */
                repoUrl: string;
                review?: components["schemas"]["ReviewBody"] | null;
                /** @description Counted against the base. */
                stat: components["schemas"]["DiffStat"];
                /** @description `open`, `merged` or `closed`; `unknown` where its host did not say. */
                state: string;
                /** @description One line. */
                title: string;
                /** @description Where people read it. */
                url: string;
            }[];
        };
        /** @description A list without pages. */
        Items_RecordBody: {
            /** @description All rows. */
            items: {
                /** @description When that was decided on. */
                at: string;
                /** @description The branch that the commit was pushed to. */
                branch: string;
                /** @description The commit that it is about. */
                commit: string;
                /** @description SHA-256 of the record's bytes, in hexadecimal. */
                digest: string;
                /** @description Fingerprint of the key that signed it. */
                key: string;
                /** @description The repository. */
                repoUrl: string;
                /** @description The run that pushed it. */
                runId: string;
                /** @description Where it is. */
                url: string;
            }[];
        };
        /** @description A list without pages. */
        Items_RepositoryBody: {
            /** @description All rows. */
            items: {
                /** @description The branch that its host shows first, as far as that says so. */
                defaultBranch?: string | null;
                /** @description The connection that opens it; none: an agent worked on it. */
                forge?: string | null;
                /** @description Its URL as an agent is given it. */
                url: string;
            }[];
        };
        /** @description A list without pages. */
        Items_Terminal: {
            /** @description All rows. */
            items: {
                /** @description Whether its program still runs. */
                alive: boolean;
                /** @description ISO 8601. */
                createdAt: string;
                /** @description 1–32 of `a-z 0-9 -`. */
                name: string;
                /** @description It is a tmux session, which the agent can attach to as well. */
                shared: boolean;
                /**
                 * Format: int32
                 * @description How many look at it.
                 */
                viewers: number;
                /** @description Who types, if anybody does. */
                writer?: string | null;
            }[];
        };
        /** @description A list without pages. */
        Items_WorktreeBody: {
            /** @description All rows. */
            items: {
                /** @description Commit that the work started from. */
                base: string;
                /** @description Tree that the work started from: the base's, or that of a worktree that was sent. */
                baseTree: string;
                /** @description The agent's branch. */
                branch: string;
                /** @description Commit that the worktree stands at. */
                head: string;
                /** @description Read from the running machine just now; else as it was last saved. */
                live: boolean;
                /** @description All its files. */
                tree: string;
                /** @description The repository's URL, as it was given. */
                url: string;
            }[];
        };
        /** @description Limits a caller may set; an omitted one has its default. */
        LimitsBody: {
            /**
             * Format: int64
             * @description Money of one run in cents.
             */
            costCents?: number | null;
            /**
             * Format: int32
             * @description Minutes of one run, 1–480.
             */
            minutes?: number | null;
            /**
             * Format: int32
             * @description Model calls of one run.
             */
            steps?: number | null;
            /**
             * Format: int64
             * @description Tokens of one run.
             */
            tokens?: number | null;
        };
        /** @description What a machine is using. */
        MachineStats: {
            /**
             * Format: int64
             * @description When this was measured, in milliseconds since 1970.
             */
            atMs: number;
            /**
             * Format: int32
             * @description Processor time that all may use together, in thousandths of one processor.
             */
            cpuLimitMillis: number;
            /**
             * Format: int64
             * @description CPU time of all processes that run, in milliseconds.
             */
            cpuMs: number;
            /**
             * Format: int64
             * @description Bytes of the workspace's file system.
             */
            diskTotalBytes: number;
            /**
             * Format: int64
             * @description Bytes used on the workspace's file system.
             */
            diskUsedBytes: number;
            /**
             * Format: int64
             * @description When it goes to sleep whatever happens, in milliseconds since 1970; the next message wakes it.
             */
            hardStopAtMs?: number | null;
            /**
             * Format: int64
             * @description When it goes to sleep if nothing happens until then, in milliseconds since 1970; absent while
             *     a run works.
             */
            idleStopAtMs?: number | null;
            /**
             * Format: int64
             * @description Memory of all processes, in bytes.
             */
            memoryBytes: number;
            /**
             * Format: int64
             * @description What they may use together.
             */
            memoryLimitBytes?: number | null;
            /**
             * Format: int32
             * @description Processes.
             */
            processes: number;
            /**
             * Format: int32
             * @description How many there may be at the same time, threads included.
             */
            processesLimit: number;
        };
        /** @description `POST /v1/agents/{id}/files/directories` */
        MakeDirectory: {
            /** @description Absolute; missing directories above it are made too. */
            path: string;
        };
        /** @description `GET /v1/me`. */
        Me: {
            /** @description Name of the key used. */
            apiKeyName: string;
            /** @description ISO 8601. */
            createdAt: string;
        };
        /** @description `POST /v1/agents/{id}/pull-requests/{number}/merge`. */
        MergePullRequest: {
            /** @description The head commit that the person saw; another one now is refused. */
            commit?: string | null;
            /** @description Which repository, where several have this number. */
            repoUrl?: string | null;
        };
        /**
         * @description How the harness behaves.
         * @enum {string}
         */
        Mode: "agent" | "plan" | "ask" | "architect" | "debug";
        /** @description One model of `GET /v1/models`. */
        ModelBody: {
            /** @description Other ids of the same model. */
            aliases?: string[];
            /** @description What it can do: `images`, `thinking`, `parallel_tools`. */
            capabilities: string[];
            /** @description One sentence. */
            description?: string | null;
            /** @description For people. */
            displayName: string;
            /** @description What `model.id` takes. */
            id: string;
            /** @description Used when a run names no model. */
            isDefault: boolean;
            /** @description What can be chosen. */
            parameters?: components["schemas"]["ModelParameter"][];
        };
        /** @description A model with its parameters. */
        ModelChoice: {
            /** @description Id in the model list. */
            id: string;
            /** @description Parameters by id. */
            params?: components["schemas"]["ModelParam"][];
        };
        /** @description One parameter of a model choice. */
        ModelParam: {
            /** @description Which parameter. */
            id: string;
            /** @description Its value. */
            value: string;
        };
        /** @description A parameter of a model. */
        ModelParameter: {
            /** @description What `params[].id` takes. */
            id: string;
            /** @description What `params[].value` takes. */
            values: components["schemas"]["ModelParameterValue"][];
        };
        /** @description A value of a parameter. */
        ModelParameterValue: {
            /** @description The value. */
            value: string;
        };
        /** @description `GET /v1/network`: how far agents may reach, and what keeps it from being farther. */
        NetworkBody: {
            /** @description The operator's, which no setting makes wider. */
            floor: components["schemas"]["NetworkMode"];
            /** @description The operator's list. */
            floorHosts: string[];
            /** @description Hosts of the settings. */
            hosts: components["schemas"]["AllowedHost"][];
            /** @description The operator leaves it to others to name hosts. */
            mayAdd: boolean;
            /** @description The mode that holds. */
            mode: components["schemas"]["NetworkMode"];
            /** @description What happens where an agent read what nobody here wrote, has secrets and could carry data out. */
            whenAllThree: components["schemas"]["WhenAllThree"];
            /** @description The operator's, which no setting makes laxer. */
            whenAllThreeFloor: components["schemas"]["WhenAllThree"];
        };
        /**
         * @description How far agents may reach, from the narrowest to the widest.
         * @enum {string}
         */
        NetworkMode: "offline" | "allowlist" | "packages" | "open";
        /** @description `POST /v1/agents/{id}/terminals` */
        OpenTerminal: {
            /**
             * Format: int32
             * @description 1–1000, default 80.
             */
            cols?: number | null;
            /** @description 1–32 of `a-z 0-9 -`; `main` unless given. One that is open already is answered. */
            name?: string | null;
            /**
             * Format: int32
             * @description 1–1000, default 24.
             */
            rows?: number | null;
        };
        /** @description What was done about a delivery. */
        OutcomeBody: {
            /** @description Whose deed it was, by their name there. */
            actor: string;
            /** @description When this was decided. */
            at: string;
            /** @description The host's name for it. */
            delivery: string;
            /** @description What was done, or why nothing. */
            outcome: string;
            /** @description The repository. */
            repository: string;
        };
        /** @description `POST /v1/agents/{id}/worktree/pack`. */
        PackRequest: {
            /** @description Commits and trees that are there already; unknown ones are ignored. */
            have: string[];
            /** @description Which repository, from 0. */
            repo: number;
            /** @description Commits and trees that are wanted, as `worktree` gave them. */
            want: string[];
        };
        /** @description One page of a list, newest first. */
        Page_Agent: {
            /** @description The rows. */
            items: {
                /** @description Opens a pull request by itself. */
                autoCreatePR: boolean;
                /** @description The branch it works on; none without a repository. */
                branchName?: string | null;
                /** @description What configures it, a repository each, as soon as that was read. Older servers do not tell. */
                configurations?: components["schemas"]["ConfigurationBody"][];
                /** @description ISO 8601. */
                createdAt: string;
                /** @description Where it runs. */
                env: components["schemas"]["EnvChoice"];
                /** @description Names of its variables. */
                envVarNames: string[];
                /** @description What it has read, which secrets it had, and where it could carry data. Older servers do not tell. */
                flow?: components["schemas"]["FlowBody"];
                /** @description `bc-<uuid>`. */
                id: string;
                /** @description Its newest run. */
                latestRunId: string;
                /** @description Status of that run. */
                latestRunStatus: string;
                /** @description Free text of the caller. */
                metadata: {
                    [key: string]: string;
                };
                /** @description Mode of runs that name none. */
                mode: components["schemas"]["Mode"];
                /** @description Model of runs that name none. */
                model: components["schemas"]["ModelChoice"];
                /** @description 1–100 characters. */
                name: string;
                /** @description Who opened it: the name of a key. Older servers do not tell. */
                openedBy?: string;
                /** @description Its pull requests. */
                pullRequests: components["schemas"]["PullRequestLink"][];
                question?: components["schemas"]["QuestionBody"] | null;
                /**
                 * Format: int32
                 * @description Runs waiting behind the active one.
                 */
                queuedRuns: number;
                /** @description Its repositories. */
                repos: components["schemas"]["RepoBody"][];
                /** @description Its machine. */
                sandbox: components["schemas"]["SandboxBody"];
                /**
                 * Format: int64
                 * @description Position of its newest event.
                 */
                seq: number;
                /** @description Asks nobody for a review. */
                skipReviewerRequest: boolean;
                /** @description `ACTIVE`, `IDLE` or `ARCHIVED`. */
                status: string;
                /** @description What stopped its newest push. Older servers do not tell. */
                stops?: components["schemas"]["StopBody"][];
                /** @description ISO 8601. */
                updatedAt: string;
                /** @description Where people look at it. */
                url: string;
                /** @description What it has used. */
                usage: components["schemas"]["UsageBody"];
                /** @description Pushes to the starting ref. */
                workOnCurrentBranch: boolean;
            }[];
            /** @description Pass it as `cursor` for the next page; absent on the last one. */
            nextCursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AuditRecord: {
            /** @description The rows. */
            items: {
                /** @description Of which agent. */
                agentId?: string | null;
                /** @description ISO 8601. */
                at: string;
                /** @description More, by kind; `event` is the place and hash of an event in the agent's own log. */
                details: {
                    [key: string]: unknown;
                };
                /** @description Covers this record and all before it. */
                hash: string;
                /** @description What: noun and verb with a dot between, `secret.set`. */
                kind: string;
                /** @description In which run. */
                runId?: string | null;
                /**
                 * Format: int64
                 * @description Its number, dense from 1.
                 */
                seq: number;
                /** @description What it was done to: the id of a secret or key, a host. */
                subject?: string | null;
                /** @description Who: `key:` and the key's name, `agent`, or `server`. */
                who: string;
            }[];
            /** @description Pass it as `cursor` for the next page; absent on the last one. */
            nextCursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Run: {
            /** @description The rows. */
            items: {
                /** @description Its agent. */
                agentId: string;
                /** @description ISO 8601. */
                createdAt: string;
                /**
                 * Format: int64
                 * @description Once over.
                 */
                durationMs?: number | null;
                error?: components["schemas"]["Failure"] | null;
                /**
                 * Format: int64
                 * @description Number of the event that asked for it: where it begins in the log.
                 */
                firstSeq?: number;
                git?: components["schemas"]["GitBody"] | null;
                /** @description `run-<uuid>`. */
                id: string;
                /** @description The message, cut to 2,000 characters. */
                promptText: string;
                /** @description The final text, once over. */
                result?: string | null;
                /** @description `CREATING`, `RUNNING`, `FINISHED`, `ERROR`, `CANCELLED` or `EXPIRED`. */
                status: string;
                /** @description ISO 8601. */
                updatedAt: string;
                /** @description What it has used. */
                usage: components["schemas"]["UsageBody"];
            }[];
            /** @description Pass it as `cursor` for the next page; absent on the last one. */
            nextCursor?: string | null;
        };
        /**
         * @description Where in a run's life something failed.
         * @enum {string}
         */
        Phase: "repository" | "sandbox" | "clone" | "branch" | "set_up" | "model" | "tool" | "commit" | "push" | "pull_request" | "internal";
        /** @description A port inside on which somebody listens. */
        Port: {
            /** @description The address it is bound to. */
            address: string;
            /** @description What the environment file calls it. */
            name?: string | null;
            /**
             * Format: int32
             * @description Its number.
             */
            port: number;
            /** @description Name of the program, where it can be seen. */
            process?: string | null;
        };
        /** @description A way into a port inside for one browser. */
        Preview: {
            /** @description ISO 8601: until when the address must have been opened. */
            expiresAt: string;
            /** @description Opens it; works once. */
            url: string;
        };
        /** @description A message of a person. */
        Prompt: {
            /** @description At most 5 of 15 MB each. */
            images?: components["schemas"]["PromptImage"][];
            /** @description Required, not empty, at most 100,000 characters. */
            text: string;
        };
        /** @description An image of a message: exactly one of `data` and `url`. */
        PromptImage: {
            /** @description Base64; then `mimeType` is required. */
            data?: string | null;
            dimension?: components["schemas"]["Dimension"] | null;
            /** @description `image/png`, `image/jpeg`, `image/gif` or `image/webp`. */
            mimeType?: string | null;
            /** @description Fetching by URL is refused: send the bytes. */
            url?: string | null;
        };
        /** @description A pull request kept by Errand itself, whole. */
        PullRequestBody: {
            /** @description Branch it would go to. */
            base: string;
            /**
             * Format: int64
             * @description Commits of its base that the branch lacks; missing where that is not known, or of no use any more.
             */
            behind?: number | null;
            /** @description Markdown. */
            body: string;
            /** @description Head commit. */
            commit: string;
            /** @description What there is to show for it. */
            evidence?: components["schemas"]["EvidenceBody"];
            /** @description Branch with the work. */
            head: string;
            /** @description For reading only yet. */
            isDraft: boolean;
            /** @description Where it is kept: by Errand or by the repository's host. */
            keptBy: components["schemas"]["PullRequestKeeper"];
            /** @description The merge commit, once merged. */
            mergeCommit?: string | null;
            /**
             * Format: int64
             * @description Number within the repository.
             */
            number: number;
            /** @description Why not; what is told then is what Errand itself knows, with the agent's name as title. */
            problem?: string | null;
            /** @description Its repository. */
            repoUrl: string;
            review?: components["schemas"]["ReviewBody"] | null;
            /** @description Counted against the base. */
            stat: components["schemas"]["DiffStat"];
            /** @description `open`, `merged` or `closed`; `unknown` where its host did not say. */
            state: string;
            /** @description One line. */
            title: string;
            /** @description Where people read it. */
            url: string;
        };
        /**
         * @description Where a pull request is kept.
         * @enum {string}
         */
        PullRequestKeeper: "errand" | "host";
        /** @description A pull request of an agent, in short. */
        PullRequestLink: {
            /**
             * Format: int64
             * @description Number within the repository.
             */
            number: number;
            /** @description Its repository. */
            repoUrl: string;
            /** @description Where people read it. */
            url: string;
        };
        /** @description `PUT …/secrets/{name}`: a new one, or another value for one that is there; what is left out stays as it is. */
        PutSecret: {
            /**
             * @description Hosts that are given a grant's value: `host` or `*.suffix`, each with an optional `:port`. For a new one with
             *     a well-known name (`NPM_TOKEN`) they are known.
             */
            hosts?: string[] | null;
            /** @description Where in a request; of a new one `header` and `basic`. */
            places?: components["schemas"]["SecretPlace"][] | null;
            /** @description No grant: programs in the sandbox see the value of this runtime secret. */
            plain?: boolean | null;
            /** @description Only for agents of one of these repositories; a new one without them is for all. */
            repos?: components["schemas"]["EnvironmentRepo"][] | null;
            type?: components["schemas"]["SecretKind"] | null;
            /** @description 1–4096 bytes. */
            value: components["schemas"]["SecretValue"];
        };
        /** @description A question that waits for a person. */
        QuestionBody: {
            /** @description ISO 8601. */
            deadline: string;
            /** @description What holds when nobody answers in time. */
            default: string;
            /** @description Answer it at `POST /v1/agents/{id}/questions/{questionId}`. */
            id: string;
            /** @description `plan_approval`, `question` or `allow_request`. */
            kind: string;
            /** @description Answers to choose from; empty: free text. */
            options: string[];
            /** @description What is asked. */
            text: string;
        };
        /** @description Something that lowered what an agent's words are worth. */
        Reading: {
            /** @description To what. */
            integrity: components["schemas"]["Integrity"];
            /** @description What was read first, in words. */
            source: string;
        };
        /** @description A record on a list. */
        RecordBody: {
            /** @description When that was decided on. */
            at: string;
            /** @description The branch that the commit was pushed to. */
            branch: string;
            /** @description The commit that it is about. */
            commit: string;
            /** @description SHA-256 of the record's bytes, in hexadecimal. */
            digest: string;
            /** @description Fingerprint of the key that signed it. */
            key: string;
            /** @description The repository. */
            repoUrl: string;
            /** @description The run that pushed it. */
            runId: string;
            /** @description Where it is. */
            url: string;
        };
        /** @description `PUT /v1/environments/{id}`: all of it anew. */
        ReplaceEnvironment: {
            /** @description As at creation. */
            environmentJson: string;
            /** @description As at creation. */
            name: string;
            /** @description As at creation. */
            repos: components["schemas"]["EnvironmentRepo"][];
            /**
             * Format: int64
             * @description The version that this replaces; if it is not the newest any more nothing is changed.
             */
            version: number;
        };
        /** @description One repository. */
        RepoBody: {
            /** @description Pull request to continue; `startingRef` is then ignored. */
            prUrl?: string | null;
            /** @description Branch, tag or commit. */
            startingRef?: string | null;
            upload?: components["schemas"]["UploadStart"] | null;
            /** @description Local path, `file://`, `http(s)://` or ssh URL. */
            url: string;
        };
        /** @description The diff of one repository, computed from our own copy, never reported by the sandbox. */
        RepoDiff: {
            /** @description Commit compared against. */
            base: string;
            /** @description The branch. */
            branch: string;
            /** @description The commits of the branch, newest first. */
            commits: components["schemas"]["CommitBody"][];
            /** @description Per file. */
            files: components["schemas"]["FileDiff"][];
            /** @description Commit compared. */
            head: string;
            /** @description Its URL. */
            repoUrl: string;
            /** @description Counted. */
            stat: components["schemas"]["DiffStat"];
            /** @description Some of the diff was left out because of its size. */
            truncated: boolean;
        };
        /** @description One repository of `GET /v1/repositories`. */
        RepositoryBody: {
            /** @description The branch that its host shows first, as far as that says so. */
            defaultBranch?: string | null;
            /** @description The connection that opens it; none: an agent worked on it. */
            forge?: string | null;
            /** @description Its URL as an agent is given it. */
            url: string;
        };
        /** @description `POST /v1/environments/{id}/versions/{version}/restore`. */
        RestoreEnvironment: {
            /**
             * Format: int64
             * @description The version that this replaces; if it is not the newest any more nothing is changed.
             */
            version: number;
        };
        /** @description What a person should look at in a pull request. */
        ReviewBody: {
            /** @description The loudest first. */
            findings: components["schemas"]["FindingBody"][];
            /**
             * Format: int32
             * @description Findings that are left out here.
             */
            moreFindings?: number;
            /** @description How carefully to look. */
            score: components["schemas"]["ScoreBody"];
            /**
             * Format: int32
             * @description Files that were too large or too many to be read; no rule saw them.
             */
            unreadFiles?: number;
        };
        /**
         * @description What a number of points means.
         * @enum {string}
         */
        RiskBand: "low" | "medium" | "high";
        /** @description A run. */
        Run: {
            /** @description Its agent. */
            agentId: string;
            /** @description ISO 8601. */
            createdAt: string;
            /**
             * Format: int64
             * @description Once over.
             */
            durationMs?: number | null;
            error?: components["schemas"]["Failure"] | null;
            /**
             * Format: int64
             * @description Number of the event that asked for it: where it begins in the log.
             */
            firstSeq?: number;
            git?: components["schemas"]["GitBody"] | null;
            /** @description `run-<uuid>`. */
            id: string;
            /** @description The message, cut to 2,000 characters. */
            promptText: string;
            /** @description The final text, once over. */
            result?: string | null;
            /** @description `CREATING`, `RUNNING`, `FINISHED`, `ERROR`, `CANCELLED` or `EXPIRED`. */
            status: string;
            /** @description ISO 8601. */
            updatedAt: string;
            /** @description What it has used. */
            usage: components["schemas"]["UsageBody"];
        };
        /** @description What left during one run. */
        RunTraffic: components["schemas"]["Traffic"] & {
            /** @description Which; none: while no run was active. */
            runId?: string | null;
        };
        /** @description Usage of one run. */
        RunUsage: {
            /** @description Its money. */
            cost: components["schemas"]["CostBody"];
            /** @description The run. */
            id: string;
            /** @description What it used. */
            usage: components["schemas"]["UsageBody"];
        };
        /** @description The machine of an agent. */
        SandboxBody: {
            /**
             * Format: int64
             * @description Incarnation, from 1; 0 before the first.
             */
            epoch: number;
            /** @description Who makes it. */
            provider: string;
            /**
             * @description Whether it shared its sandbox with other agents when it last came up: there is no wall between these.
             *     Older servers do not tell.
             */
            shared?: boolean;
            /** @description `none`, `starting`, `up` or `stopping`. */
            state: string;
        };
        /** @description A sum with its parts. */
        ScoreBody: {
            /** @description What the points mean. */
            band: components["schemas"]["RiskBand"];
            /** @description The parts, the heaviest first. */
            factors: components["schemas"]["FactorBody"][];
            /**
             * Format: int32
             * @description All factors together.
             */
            points: number;
        };
        /** @description A secret, without its value. */
        SecretBody: {
            /** @description ISO 8601. */
            createdAt: string;
            /** @description The saved environment whose it is. */
            environmentId?: string | null;
            /** @description Hosts that are given a grant's value; empty: it is no grant. */
            hosts: string[];
            /** @description `secv_…`: tells apart those with the same name. */
            id: string;
            /** @description ISO 8601; absent where it was never used. */
            lastUsedAt?: string | null;
            /** @description The name of its variable. */
            name: string;
            /** @description Whose it is. */
            owner: components["schemas"]["SecretScope"];
            /** @description Where in a request to them. */
            places: components["schemas"]["SecretPlace"][];
            /** @description Programs in the sandbox see the value of this runtime secret. */
            plain: boolean;
            /** @description Only for agents of one of these; empty: of all. */
            repos: components["schemas"]["EnvironmentRepo"][];
            /** @description What becomes of it. */
            type: components["schemas"]["SecretKind"];
            /** @description ISO 8601. */
            updatedAt: string;
            /** @description Name of the key that changed it last. */
            updatedBy: string;
            /** @description Its last uses, each agent and host once. */
            uses?: components["schemas"]["SecretUse"][];
        };
        /**
         * @description What becomes of a value.
         * @enum {string}
         */
        SecretKind: "environment_variable" | "runtime_secret" | "build_secret";
        /**
         * @description Where in a request to one of its hosts a grant's value may stand.
         * @enum {string}
         */
        SecretPlace: "header" | "basic" | "query" | "body";
        /**
         * @description Whose a secret is.
         * @enum {string}
         */
        SecretScope: "user" | "environment" | "team";
        /** @description One page of secrets, newest first. */
        SecretsPage: {
            /** @description The rows. */
            items: components["schemas"]["SecretBody"][];
            /** @description Pass it as `cursor` for the next page; `null` on the last one. */
            nextCursor?: string | null;
        };
        /** @description The last use of a secret by one agent at one host. */
        SecretUse: {
            /** @description The agent. */
            agentId: string;
            /** @description Who was given the value; none: it was put into the sandbox in plain. */
            host?: string | null;
            /** @description ISO 8601. */
            lastAt: string;
        };
        /** @description A value on its way in; it is not shown, not even while looking for mistakes. */
        SecretValue: string;
        /** @description `GET /v1/server`. */
        ServerBody: {
            /** @description What this server can do beyond the first version, one word each. */
            features: string[];
            /** @description Where previews of ports appear, with `*` for the label. */
            previewAddress: string;
            /** @description Who makes sandboxes. */
            provider: string;
            /** @description Address that people use. */
            publicUrl: string;
            /** @description Version of the server. */
            version: string;
        };
        /** @description `GET /v1/session`. */
        Session: {
            /** @description May change settings, manage keys and merge. */
            admin: boolean;
            /** @description ISO 8601; only of a session, a key has no end. */
            expiresAt?: string | null;
            /** @description Name of the key that the session stands for. */
            principal: string;
        };
        /** @description `GET /v1/settings`: what holds for agents opened from now on. */
        SettingsBody: {
            /**
             * @description Hosts that agents may reach besides, where the operator leaves it to others to name some.
             * @default []
             */
            allowedHosts: components["schemas"]["AllowedHost"][];
            /**
             * @description Starting ref of repositories that name none; absent: the repository's default branch.
             * @default null
             */
            baseBranch: string | null;
            /** @default null */
            defaultModel: components["schemas"]["ModelChoice"] | null;
            /**
             * @description Repository that the web app and the command line fill in; absent: the person is asked.
             * @default null
             */
            defaultRepository: string | null;
            /**
             * @description Lists show pictures of diffs and snippets of code; off: neither paths nor code.
             * @default true
             */
            displayAgentSummary: boolean;
            /**
             * @description The same in connected channels: pull requests at hosts tell the task, the agent's words and what it changed; off:
             *     counts and evidence alone.
             * @default true
             */
            displayAgentSummaryInExternalChannels: boolean;
            /** @default null */
            networkMode: components["schemas"]["NetworkMode"] | null;
            /**
             * @description Written into each agent when it is opened; nothing is kept beyond running it.
             * @default false
             */
            privacyMode: boolean;
            /**
             * Format: int32
             * @description Days after which an archived agent is deleted; absent: never.
             * @default null
             */
            retentionDays: number | null;
            /**
             * @description Shell texts that run each time the machine of an agent comes up that names none.
             * @default []
             */
            startupCommands: string[];
            /** @default null */
            whenAllThree: components["schemas"]["WhenAllThree"] | null;
        };
        /** @description `POST /v1/session`: exactly one of the two. */
        SignIn: {
            /** @description A code of `POST /v1/session/codes`. */
            code?: string | null;
            /** @description An API key. */
            token?: string | null;
        };
        /** @description Answer to `POST /v1/session/codes`. */
        SignInCode: {
            /** @description Works once. */
            code: string;
            /** @description ISO 8601. */
            expiresAt: string;
        };
        /** @description The public half of a key. */
        SigningKeyBody: {
            /** @description When it was made. */
            createdAt: string;
            /** @description By which people compare it. */
            fingerprint: string;
            /** @description As forges take it. */
            publicKey: string;
            /** @description When the next one took its place. */
            retiredAt?: string | null;
        };
        /** @description The keys by which commits of this server are signed. */
        SigningKeysBody: {
            /** @description A file for git's `gpg.ssh.allowedSignersFile`. */
            allowedSigners: string;
            /** @description Newest first; the first one signs. */
            items: components["schemas"]["SigningKeyBody"][];
        };
        /** @description `POST /v1/agents/{id}/snapshot`. */
        SnapshotBody: {
            /** @description The agent. */
            id: string;
            /** @description The layer that its disk is kept as. */
            layer: string;
        };
        /** @description `PUT /v1/agents/{id}/pull-requests/{number}/stage`. */
        StagePullRequest: {
            /** @description Whether it is for reading only. */
            draft: boolean;
            /** @description Which repository, where several have this number. */
            repoUrl?: string | null;
        };
        /** @description Something that may not leave in a push. */
        StopBody: {
            /** @description The commit that brings it. */
            commit: string;
            /** @description A person let it through. */
            isAllowed: boolean;
            /**
             * Format: int32
             * @description The line, where it is in one.
             */
            line?: number | null;
            /** @description By which exactly this is let through. */
            mark: string;
            /** @description The file, where it is in one. */
            path?: string | null;
            /** @description The repository. */
            repoUrl: string;
            /** @description Stable name of the rule. */
            rule: string;
            /** @description In plain words what it is and what to do. */
            why: string;
        };
        /** @description A terminal inside. */
        Terminal: {
            /** @description Whether its program still runs. */
            alive: boolean;
            /** @description ISO 8601. */
            createdAt: string;
            /** @description 1–32 of `a-z 0-9 -`. */
            name: string;
            /** @description It is a tmux session, which the agent can attach to as well. */
            shared: boolean;
            /**
             * Format: int32
             * @description How many look at it.
             */
            viewers: number;
            /** @description Who types, if anybody does. */
            writer?: string | null;
        };
        /** @description Answer to `POST /v1/tickets`. */
        Ticket: {
            /** @description ISO 8601. */
            expiresAt: string;
            /** @description Works once, for the caller who asked for it. */
            ticket: string;
        };
        /** @description What left, what was refused, and what was used for it. */
        Traffic: {
            /**
             * Format: int64
             * @description Bytes into it.
             */
            bytesDown: number;
            /**
             * Format: int64
             * @description Bytes out of the sandbox.
             */
            bytesUp: number;
            /** @description What was refused, newest first. */
            denials: components["schemas"]["Denials"][];
            /** @description Credentials that were put in. */
            grants: components["schemas"]["GrantUses"][];
            /** @description By host, those first to which most went. */
            hosts: components["schemas"]["HostTraffic"][];
            /**
             * Format: int64
             * @description Requests, and connections that were not opened.
             */
            requests: number;
        };
        /** @description What orders that come from a host may be. */
        TriggersBody: {
            /**
             * @description Whether failing checks are mended where nobody said anything on the pull request.
             * @default true
             */
            autofix: boolean;
            /**
             * @description Logins of other programs, which are not listened to.
             * @default []
             */
            bots: string[];
            /**
             * @description Labels that give an issue to an agent; none is given by labels where there are none.
             * @default [
             *       "errand"
             *     ]
             */
            labels: string[];
            /**
             * @description The name by which agents are asked in comments, without the `@`.
             * @default errand
             */
            name: string;
            /**
             * @description Whether a review that wants changes counts without the name.
             * @default true
             */
            reviews: boolean;
        };
        /** @description `PATCH /v1/agents/{id}`. */
        UpdateAgent: {
            /** @description Another name, 1–100 characters. */
            name: string;
        };
        /** @description `PATCH /v1/builds/{id}`. */
        UpdateBuild: {
            /** @description New agents begin with this one, whatever is built later. */
            pinned: boolean;
        };
        /** @description `POST /v1/agents/{id}/pull-requests/{number}/update`. */
        UpdatePullRequest: {
            /** @description Which repository, where several have this number. */
            repoUrl?: string | null;
        };
        /** @description `PATCH /v1/settings`: an omitted field stays, `null` takes a value away. */
        UpdateSettings: {
            /** @description See [`SettingsBody`]; the whole list. */
            allowedHosts?: components["schemas"]["AllowedHost"][] | null;
            /** @description See [`SettingsBody`]. */
            baseBranch?: string | null;
            defaultModel?: components["schemas"]["ModelChoice"] | null;
            /** @description See [`SettingsBody`]. */
            defaultRepository?: string | null;
            /** @description See [`SettingsBody`]. */
            displayAgentSummary?: boolean | null;
            /** @description See [`SettingsBody`]. */
            displayAgentSummaryInExternalChannels?: boolean | null;
            networkMode?: components["schemas"]["NetworkMode"] | null;
            /** @description See [`SettingsBody`]. */
            privacyMode?: boolean | null;
            /**
             * Format: int32
             * @description See [`SettingsBody`].
             */
            retentionDays?: number | null;
            /** @description See [`SettingsBody`]. */
            startupCommands?: string[] | null;
            whenAllThree?: components["schemas"]["WhenAllThree"] | null;
        };
        /** @description An upload and how far it is. */
        Upload: {
            /**
             * Format: int64
             * @description Bytes in all.
             */
            bytes: number;
            /** @description Everything is here and was checked. */
            complete: boolean;
            /** @description Names it. */
            id: string;
            /**
             * Format: int64
             * @description Bytes that are here; the next piece begins there.
             */
            offset: number;
        };
        /** @description A person's worktree as the start of an agent. */
        UploadStart: {
            /** @description Newest commit of it that the remote has; none: the upload has the whole history. */
            base?: string | null;
            /** @description Commit that the agent's branch starts at. */
            head: string;
            /** @description The complete upload with the objects. */
            id: string;
            /** @description All files of the worktree; what differs from the commit stays uncommitted. */
            tree: string;
        };
        /** @description Tokens and money. */
        UsageBody: {
            /**
             * Format: int64
             * @description Read from a cache.
             */
            cacheReadTokens: number;
            /**
             * Format: int64
             * @description Written to a cache.
             */
            cacheWriteTokens: number;
            /** @description Money. */
            cost: components["schemas"]["CostBody"];
            /**
             * Format: int64
             * @description Neither read from nor written to a cache.
             */
            inputTokens: number;
            /**
             * Format: int64
             * @description Thinking included.
             */
            outputTokens: number;
            /**
             * Format: int64
             * @description Sum of the four.
             */
            totalTokens: number;
        };
        /** @description The keys, and how far a change to the newest one is. */
        VaultBody: {
            /**
             * Format: int64
             * @description The generation that seals.
             */
            current: number;
            /** @description All generations whose keys are there or needed, oldest first. */
            generations: components["schemas"]["VaultGeneration"][];
            /**
             * Format: int64
             * @description Those of them that do not open with that key.
             */
            refused: number;
            /** @description Values are being wrapped with the newest key. */
            rotating: boolean;
            /**
             * Format: int64
             * @description Values that an older key still wraps.
             */
            waiting: number;
        };
        /** @description One generation of the key. */
        VaultGeneration: {
            /**
             * Format: int64
             * @description Its number.
             */
            generation: number;
            /** @description `file`: in the data folder; `kms`: there is only what KMS encrypted. */
            kept: string;
            /** @description The key of KMS that encrypted it. */
            kmsKey?: string | null;
            /** @description What is wrong with its file. */
            problem?: string | null;
            /**
             * Format: int64
             * @description Values that it wraps.
             */
            values: number;
        };
        /** @description Keys that were removed. */
        VaultRemoved: {
            /** @description Their generations. */
            removed: number[];
            /** @description What is there now. */
            vault: components["schemas"]["VaultBody"];
        };
        /** @description Whether the machine comes up. */
        Waking: {
            /** @description The agent's id. */
            id: string;
            /** @description `none`, `starting`, `up`, `stopping`: poll the agent, or watch it live. */
            sandbox: string;
        };
        /** @description What is entered at a host so that it tells what happens there. */
        WebhookBody: {
            /** @description What the host is to tell, in its own words. */
            events: string[];
            /** @description The repository that it speaks for; none: for all that the host has. */
            repository?: string | null;
            /** @description What they are signed with. */
            secret: string;
            /** @description Where deliveries go. */
            url: string;
        };
        /**
         * @description What happens where an agent has all three, from the laxest to the strictest.
         * @enum {string}
         */
        WhenAllThree: "allow" | "ask" | "narrow";
        /**
         * @description What to do with a message that finds a run active.
         * @enum {string}
         */
        WhenBusy: "refuse" | "queue" | "steer";
        /** @description The worktree of one repository of an agent. */
        WorktreeBody: {
            /** @description Commit that the work started from. */
            base: string;
            /** @description Tree that the work started from: the base's, or that of a worktree that was sent. */
            baseTree: string;
            /** @description The agent's branch. */
            branch: string;
            /** @description Commit that the worktree stands at. */
            head: string;
            /** @description Read from the running machine just now; else as it was last saved. */
            live: boolean;
            /** @description All its files. */
            tree: string;
            /** @description The repository's URL, as it was given. */
            url: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    getReadyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgents: {
        parameters: {
            query?: {
                cursor?: string | null;
                /** @description Default true. */
                includeArchived?: boolean | null;
                limit?: number | null;
                /** @description Only the agent of this pull request. */
                prUrl?: string | null;
                /** @description Only with this repository. */
                repo?: string | null;
                /** @description Only with this text in the name. */
                search?: string | null;
                /** @description Only with this status. */
                status?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Agent"];
                };
            };
        };
    };
    postAgents: {
        parameters: {
            query?: never;
            header?: {
                /** @description a repeat with the same key answers the same agent */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateAgent"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedAgent"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Agent"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteAgentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
        };
    };
    patchAgentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateAgent"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Agent"];
                };
            };
        };
    };
    postAgentsIdArchive: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
        };
    };
    getAgentsIdArtifacts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_Artifact"];
                };
            };
        };
    };
    getAgentsIdArtifactsDownload: {
        parameters: {
            query: {
                /** @description `artifacts/…` as the list shows it. */
                path: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactLink"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdBlobs: {
        parameters: {
            query: {
                /** @description Full id of a commit. */
                commit: string;
                /** @description Path of the file in it. */
                path: string;
                /** @description Which repository, from 0; default 0. */
                repo?: number | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": unknown;
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdBrowser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Browser"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdBrowser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Browser"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteAgentsIdBrowser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdBrowserSocket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdConfiguration: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AllowConfiguration"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdDiff: {
        parameters: {
            query?: {
                /** @description Only what this commit did; its full id. */
                commit?: string | null;
                /** @description Only what this run did. */
                run?: string | null;
                /** @description Only counts, no patches. */
                stat?: boolean | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DiffBody"];
                };
            };
        };
    };
    getAgentsIdEvents: {
        parameters: {
            query?: {
                /** @description Events after this number; 0 or absent: from the beginning. */
                after?: number | null;
                /** @description Instead of `after`: the newest events below this number, still oldest first. */
                before?: number | null;
                /** @description At most 500. */
                limit?: number | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description events, oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventsBody"];
                };
            };
        };
    };
    getAgentsIdEventsSeqImagesIndex: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                index: number;
                seq: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": number[];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdFiles: {
        parameters: {
            query: {
                /** @description Absolute path inside. */
                path: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileList"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteAgentsIdFiles: {
        parameters: {
            query: {
                /** @description Absolute path inside. */
                path: string;
                /** @description A directory with all that is in it. */
                recursive?: boolean | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdFilesContent: {
        parameters: {
            query: {
                /** @description Absolute path inside. */
                path: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putAgentsIdFilesContent: {
        parameters: {
            query: {
                /** @description Absolute path inside. */
                path: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileWritten"];
                };
            };
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdFilesDirectories: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MakeDirectory"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdFilesStat: {
        parameters: {
            query: {
                /** @description Absolute path inside. */
                path: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileStat"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdFlow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AllowFlow"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdForks: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateFork"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedAgent"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdHosts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AllowHost"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdPorts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_Port"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdPortsPortSocket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                port: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdPreviews: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreatePreview"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preview"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdPullRequests: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_PullRequestBody"];
                };
            };
        };
    };
    postAgentsIdPullRequestsNumberMerge: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                number: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MergePullRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PullRequestBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putAgentsIdPullRequestsNumberStage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                number: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["StagePullRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PullRequestBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdPullRequestsNumberUpdate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                number: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdatePullRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PullRequestBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdQuestionsQuestionId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                questionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnswerQuestion"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
        };
    };
    getAgentsIdRecords: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_RecordBody"];
                };
            };
        };
    };
    getAgentsIdRecordsCommit: {
        parameters: {
            query?: {
                /** @description The repository, where several have this commit. */
                repoUrl?: string | null;
            };
            header?: never;
            path: {
                commit: string;
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdRestores: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateRestore"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedRun"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdRuns: {
        parameters: {
            query?: {
                /** @description `nextCursor` of the page before. */
                cursor?: string | null;
                /** @description 1–100, default 20. */
                limit?: number | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Run"];
                };
            };
        };
    };
    postAgentsIdRuns: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateRun"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedRun"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdRunsRunId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                runId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
        };
    };
    postAgentsIdRunsRunIdCancel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                runId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdRunsRunIdStream: {
        parameters: {
            query?: never;
            header?: {
                /** @description resume after this frame */
                "Last-Event-ID"?: string | null;
            };
            path: {
                id: string;
                runId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description server-sent events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    postAgentsIdSnapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CreateSnapshot"] | null;
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnapshotBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdSsh: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdStats: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MachineStats"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdStops: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AllowStop"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdTerminals: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_Terminal"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdTerminals: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OpenTerminal"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Terminal"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteAgentsIdTerminalsName: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdTerminalsNameSocket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAgentsIdTraffic: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentTraffic"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdUnarchive: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
        };
    };
    getAgentsIdUsage: {
        parameters: {
            query?: {
                /** @description Only this run. */
                runId?: string | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AgentUsage"];
                };
            };
        };
    };
    postAgentsIdWake: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Waking"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdWorktree: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_WorktreeBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postAgentsIdWorktreePack: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PackRequest"];
            };
        };
        responses: {
            /** @description a thin pack */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-git-packfile": unknown;
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_ApiKeyBody"];
                };
            };
        };
    };
    postApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateApiKey"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyBody"];
                };
            };
        };
    };
    deleteApiKeysId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
        };
    };
    getAudit: {
        parameters: {
            query?: {
                /** @description Only of this agent. With another key than the installation's own: one that it opened. */
                agent?: string | null;
                /** @description `nextCursor` of the page before. */
                cursor?: string | null;
                /** @description Only of this kind, `secret.set`, or of all kinds of a noun, `secret`. */
                kind?: string | null;
                /** @description 1–100, default 20. */
                limit?: number | null;
                /** @description Only from this time on, ISO 8601. */
                since?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AuditRecord"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAuditExport: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getAuditHead: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditHeadBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getBuilds: {
        parameters: {
            query?: {
                /** @description Only of environments with this repository. */
                repo?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_BuildBody"];
                };
            };
        };
    };
    postBuilds: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateBuild"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BuildBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteBuildsLayer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                layer: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    patchBuildsLayer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                layer: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateBuild"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BuildBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getBuildsLayerChanges: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                layer: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BuildChanges"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getBuildsLayerFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                layer: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zstd": number[];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postBuildsFile: {
        parameters: {
            query?: {
                /** @description URLs in place of those in the file, in the same order, with commas between. */
                repos?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/zstd": number[];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BuildBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getDoctor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DoctorBody"];
                };
            };
        };
    };
    getDownloadsBlobExpiresRight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                blob: string;
                expires: number;
                right: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": number[];
                };
            };
        };
    };
    getEnvironments: {
        parameters: {
            query?: {
                /** @description Only the one of this repository. */
                repo?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_EnvironmentBody"];
                };
            };
        };
    };
    postEnvironments: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateEnvironment"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getEnvironmentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putEnvironmentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplaceEnvironment"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteEnvironmentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getEnvironmentsIdSecrets: {
        parameters: {
            query?: {
                /** @description `nextCursor` of the page before. */
                cursor?: string | null;
                /** @description Only those of this saved environment. */
                environmentId?: string | null;
                /** @description 1–100, default 20. */
                limit?: number | null;
                /** @description Only those of this name. */
                name?: string | null;
                /** @description Only those that agents of this repository may have. */
                repo?: string | null;
                /** @description Only those of `user`, `environment` or `team`. */
                scope?: components["schemas"]["SecretScope"] | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretsPage"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getEnvironmentsIdSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putEnvironmentsIdSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutSecret"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteEnvironmentsIdSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getEnvironmentsIdVersions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_EnvironmentVersion"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getEnvironmentsIdVersionsVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentVersion"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postEnvironmentsIdVersionsVersionRestore: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                version: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RestoreEnvironment"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postEnvironmentsCheck: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckEnvironment"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnvironmentCheck"];
                };
            };
        };
    };
    getForges: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_ForgeBody"];
                };
            };
        };
    };
    postForges: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConnectForge"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ForgeBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteForgesId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IdBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postForgesIdCheck: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ForgeBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getForgesIdDeliveries: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_OutcomeBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putForgesIdTriggers: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TriggersBody"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ForgeBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getForgesIdWebhook: {
        parameters: {
            query?: {
                /** @description The host's name for it, `owner/name`; none: what speaks for all of them. */
                repository?: string | null;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a WebSocket that speaks errand.live.v1; its frames are described in docs/api.md */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    getModels: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_ModelBody"];
                };
            };
        };
    };
    getNetwork: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NetworkBody"];
                };
            };
        };
    };
    getRepositories: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Items_RepositoryBody"];
                };
            };
        };
    };
    getSecrets: {
        parameters: {
            query?: {
                /** @description `nextCursor` of the page before. */
                cursor?: string | null;
                /** @description Only those of this saved environment. */
                environmentId?: string | null;
                /** @description 1–100, default 20. */
                limit?: number | null;
                /** @description Only those of this name. */
                name?: string | null;
                /** @description Only those that agents of this repository may have. */
                repo?: string | null;
                /** @description Only those of `user`, `environment` or `team`. */
                scope?: components["schemas"]["SecretScope"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretsPage"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutSecret"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getServer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServerBody"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description signed in; the cookie is set */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description signed out */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    postSessionCodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInCode"];
                };
            };
        };
    };
    getSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SettingsBody"];
                };
            };
        };
    };
    patchSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateSettings"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SettingsBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getSigningKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SigningKeysBody"];
                };
            };
        };
    };
    postSigningKeysRotate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SigningKeysBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getTeamAws: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AwsBody"];
                };
            };
        };
    };
    postTeamAwsCheck: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AwsBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getTeamSecrets: {
        parameters: {
            query?: {
                /** @description `nextCursor` of the page before. */
                cursor?: string | null;
                /** @description Only those of this saved environment. */
                environmentId?: string | null;
                /** @description 1–100, default 20. */
                limit?: number | null;
                /** @description Only those of this name. */
                name?: string | null;
                /** @description Only those that agents of this repository may have. */
                repo?: string | null;
                /** @description Only those of `user`, `environment` or `team`. */
                scope?: components["schemas"]["SecretScope"] | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretsPage"];
                };
            };
        };
    };
    getTeamSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putTeamSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PutSecret"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteTeamSecretsName: {
        parameters: {
            query?: {
                /** @description The one with this id. */
                id?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SecretBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postTickets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateTicket"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ticket"];
                };
            };
        };
    };
    postUploads: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateUpload"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getUploadsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    patchUploadsId: {
        parameters: {
            query?: never;
            header: {
                /** @description where the piece begins */
                "Upload-Offset": number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": number[];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    getVault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VaultBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteVaultOlderKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VaultRemoved"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    postVaultRotate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VaultBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
}
