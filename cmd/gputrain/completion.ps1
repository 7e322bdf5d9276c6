# Completion of gputrain for PowerShell: gputrain completion powershell | Out-String | iex
Register-ArgumentCompleter -Native -CommandName gputrain -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "$_" })
    $last = if ($wordToComplete) { $wordToComplete } else { '""' }
    $rest = @($words | Select-Object -Skip 1)
    $found = @(& $words[0] __complete powershell @rest $last 2>$null)
    if ($found.Count -gt 0 -and $found[0] -ne ':files') {
        $found | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
    }
}
