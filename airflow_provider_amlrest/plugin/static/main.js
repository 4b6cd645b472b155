// The URL says which page this is.

import { recentPage, runPage } from "./lists.js";
import { taskPage } from "./task.js";
import { followTheme } from "./theme.js";

const pages = { task: taskPage, run: runPage, recent: recentPage };
followTheme();
pages[location.pathname.split("/").at(-1)](document.getElementById("main"), location.search.slice(1));
